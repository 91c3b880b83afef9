//! Kernel settings, as data.

use std::{fs, path::PathBuf};

/// Name, or path where it is no sysctl, and value, each with its reason.
const SETTINGS: &[(&str, &str)] = &[
    // A panic must end the machine so that the host notices, also when the word is missing on the command line.
    ("kernel.panic", "-1"),
    // An oops leaves locks held: end the machine rather than limp on.
    ("kernel.panic_on_oops", "1"),
    // Nobody is there to press keys.
    ("kernel.sysrq", "0"),
    // No file named core in containers' folders by surprise: the kernel's default, kept explicit.
    ("kernel.core_pattern", "core"),
    // systemd's sysctl.d/50-pid-max.conf; many containers, many threads.
    ("kernel.pid_max", "4194304"),
    // dockerd turns it on as well; set early, so that it does not have to.
    ("net.ipv4.ip_forward", "1"),
    // Watchers of build tools run out of the kernel's default of 8192; the value is the usual advice of editors.
    ("fs.inotify.max_user_watches", "1048576"),
    ("fs.inotify.max_user_instances", "8192"),
    ("fs.inotify.max_queued_events", "65536"),
    // systemd raises both to the highest the kernel takes.
    ("fs.file-max", "9223372036854775807"),
    ("fs.nr_open", "1073741816"),
    // Elasticsearch and others refuse to start below 262144; Debian's and Fedora's default since 2023.
    ("vm.max_map_count", "1048576"),
    // Redis and fork-heavy programs: overcommit as Docker Desktop's VM does.
    ("vm.overcommit_memory", "1"),
    // At rest nothing should wake the machine. Memory is compacted when somebody needs a large piece of it, not twice a
    // second to see whether somebody might.
    ("vm.compaction_proactiveness", "0"),
    // A processor that is stuck is still reported; the look at it comes every 24 s instead of every 4 s (a fifth of twice
    // this), and an emulated machine on a busy host is not taken for stuck.
    ("kernel.watchdog_thresh", "60"),
    // Pages are still made large where they are first touched. The search for more to join, every 10 s, was the largest
    // single cost at rest under emulation: 30 ms when it finds nothing, 200 ms when it joins some.
    (
        "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs",
        "600000",
    ),
    // systemd's sysctl.d/50-default.conf; the group range lets containers ping without a capability.
    ("net.ipv4.ping_group_range", "0 2147483647"),
    // The agent's log has the kernel's messages; links in world-writable folders are protected as on Debian.
    ("fs.protected_hardlinks", "1"),
    ("fs.protected_symlinks", "1"),
];

/// `-p 192.168.77.5:80:80`: dockerd binds addresses that only the host has. Of the network that we are in.
const HOST_ADDRESSES: &[(&str, &str)] = &[
    ("net.ipv4.ip_nonlocal_bind", "1"),
    ("net.ipv6.ip_nonlocal_bind", "1"),
];

/// Applies all settings. One that the kernel does not have is recorded, no more.
pub fn apply_all() {
    apply(SETTINGS);
    allow_addresses_of_the_host();
}

/// Lets programs bind addresses that the machine does not have.
pub fn allow_addresses_of_the_host() {
    apply(HOST_ADDRESSES);
}

fn apply(settings: &[(&str, &str)]) {
    for (name, value) in settings {
        if let Err(error) = fs::write(path(name), value) {
            tracing::info!(name, %error, "kernel setting left out");
        }
    }
}

/// Where a setting lives.
fn path(name: &str) -> PathBuf {
    if name.starts_with('/') {
        return PathBuf::from(name);
    }
    PathBuf::from("/proc/sys").join(name.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_a_setting_is_below_proc_sys() {
        assert_eq!(
            path("net.ipv4.ip_forward"),
            PathBuf::from("/proc/sys/net/ipv4/ip_forward")
        );
        assert_eq!(path("/sys/kernel/x"), PathBuf::from("/sys/kernel/x"));
    }

    #[test]
    fn settings_are_named_once() {
        let mut names: Vec<_> = SETTINGS.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SETTINGS.len());
    }
}
