//! Control groups: controllers for the engine, in whichever hierarchy the kernel offers.
//!
//! In a VM it is version 2, mounted by the mount table. As a process on a host the kernel may have given the
//! controllers to version 1; then each of those is mounted on its own, as dockerd expects.

use std::{ffi::CString, fs, path::Path};

use anyhow::Context;
use rustix::mount::{MountFlags, mount};

const ROOT: &str = "/sys/fs/cgroup";
const FLAGS: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC);

/// Turns every controller on for the groups below the root. dockerd turns on only what lies below its own group.
pub fn enable_controllers() {
    let Ok(controllers) = fs::read_to_string(format!("{ROOT}/cgroup.controllers")) else {
        return;
    };
    for controller in controllers.split_ascii_whitespace() {
        if let Err(error) = fs::write(format!("{ROOT}/cgroup.subtree_control"), format!("+{controller}")) {
            tracing::info!(controller, %error, "cgroup controller left out");
        }
    }
}

/// Mounts what the host's kernel offers, unless something is mounted there already.
pub fn mount_for_process() -> anyhow::Result<()> {
    if Path::new(ROOT)
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        return Ok(());
    }
    let legacy = legacy_controllers(&fs::read_to_string("/proc/cgroups").unwrap_or_default());
    if legacy.is_empty() {
        mount("cgroup2", ROOT, "cgroup2", FLAGS, None).context("failed to mount cgroup2")?;
        enable_controllers();
        return Ok(());
    }
    mount("tmpfs", ROOT, "tmpfs", FLAGS, c"mode=755").context("failed to mount the cgroup folder")?;
    for controller in legacy {
        let target = format!("{ROOT}/{controller}");
        fs::create_dir(&target).with_context(|| format!("failed to make {target}"))?;
        let options = CString::new(controller.as_str()).context("controller name holds a zero byte")?;
        if let Err(error) = mount("cgroup", target.as_str(), "cgroup", FLAGS, options.as_c_str()) {
            tracing::warn!(controller, %error, "cgroup controller left out");
        }
    }
    Ok(())
}

/// The controllers that version 1 hierarchies hold, from the text of `/proc/cgroups` (cgroups(7)): those that are
/// enabled and whose hierarchy is not 0.
fn legacy_controllers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if let [name, hierarchy, _, "1"] = fields[..]
            && hierarchy != "0"
        {
            found.push(name.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_controllers_takes_those_with_a_hierarchy() {
        let text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t2\t1\t1\nmemory\t4\t15\t1\npids\t0\t1\t1\nrdma\t9\t1\t0\n";
        assert_eq!(legacy_controllers(text), ["cpu", "memory"]);
    }

    #[test]
    fn legacy_controllers_version_2_only_gives_none() {
        assert!(
            legacy_controllers("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t90\t1\n").is_empty()
        );
    }
}
