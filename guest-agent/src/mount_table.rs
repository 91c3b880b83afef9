//! What is mounted where before the engine starts, as data. The source of each line is beside it.

use std::{
    ffi::CString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use rustix::{
    io::Errno,
    mount::{MountFlags, mount},
};

/// One mount.
#[derive(Clone, Copy, Debug)]
pub struct Mount {
    /// The file system's kind, also given as its source.
    pub kind: &'static str,
    /// The mount point; made where it is missing and can be made.
    pub target: &'static str,
    /// Flags for mount(2).
    pub flags: MountFlags,
    /// Options of the file system.
    pub options: &'static str,
    /// Whether the machine is of no use without it.
    pub needed: bool,
}

const LOCKED: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC);
const NO_DEVICES: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Mounted first, in the initrd, and moved to the root disk with everything else.
pub const EARLY: &[Mount] = &[
    // systemd, src/shared/mount-setup.c, mount_table: the same flags.
    Mount {
        kind: "proc",
        target: "/proc",
        flags: LOCKED,
        options: "",
        needed: true,
    },
    // systemd, mount_table.
    Mount {
        kind: "sysfs",
        target: "/sys",
        flags: LOCKED,
        options: "",
        needed: true,
    },
    // systemd, mount_table; the kernel's CONFIG_DEVTMPFS_MOUNT does not act when there is an initrd.
    Mount {
        kind: "devtmpfs",
        target: "/dev",
        flags: MountFlags::NOSUID,
        options: "mode=755",
        needed: true,
    },
];

/// Mounted on the root disk.
pub const LATE: &[Mount] = &[
    // systemd, mount_table; gid 5 is Debian's `tty`. Shells and `docker exec -t` need it.
    Mount {
        kind: "devpts",
        target: "/dev/pts",
        flags: MountFlags::NOSUID.union(MountFlags::NOEXEC),
        options: "mode=620,gid=5,ptmxmode=666",
        needed: true,
    },
    // systemd, mount_table; POSIX shared memory of `--ipc=host` containers.
    Mount {
        kind: "tmpfs",
        target: "/dev/shm",
        flags: NO_DEVICES,
        options: "mode=1777",
        needed: false,
    },
    // systemd, units/dev-mqueue.mount; POSIX message queues of `--ipc=host` containers.
    Mount {
        kind: "mqueue",
        target: "/dev/mqueue",
        flags: LOCKED,
        options: "",
        needed: false,
    },
    // systemd, mount_table. Sockets, pid files and the engine's exec root live here.
    Mount {
        kind: "tmpfs",
        target: "/run",
        flags: NO_DEVICES,
        options: "mode=755,size=20%",
        needed: true,
    },
    // systemd, units/tmp.mount. dockerd unpacks some things here.
    Mount {
        kind: "tmpfs",
        target: "/tmp",
        flags: NO_DEVICES,
        options: "mode=1777,size=50%",
        needed: true,
    },
    // A home for the shell; the root disk is read-only.
    Mount {
        kind: "tmpfs",
        target: "/root",
        flags: NO_DEVICES,
        options: "mode=700,size=5%",
        needed: false,
    },
    // systemd, mount_table; options as the kernel's Documentation/admin-guide/cgroup-v2.rst recommends.
    Mount {
        kind: "cgroup2",
        target: "/sys/fs/cgroup",
        flags: LOCKED,
        options: "nsdelegate,memory_recursiveprot",
        needed: true,
    },
    // systemd, mount_table; runc pins device programs through it on some kernels.
    Mount {
        kind: "bpf",
        target: "/sys/fs/bpf",
        flags: LOCKED,
        options: "mode=700",
        needed: false,
    },
];

/// For the process profile: the namespaces are private, the kernel is the host's. What is mounted already stays, and
/// what a user namespace may not mount is left out.
pub const PROCESS: &[Mount] = &[
    Mount {
        kind: "proc",
        target: "/proc",
        flags: LOCKED,
        options: "",
        needed: true,
    },
    Mount {
        kind: "sysfs",
        target: "/sys",
        flags: LOCKED,
        options: "",
        needed: false,
    },
    // One instance for the whole host: only used when nobody gave this machine a /dev of its own. A
    // user namespace may not mount it; then the nodes in the folder have to do.
    Mount {
        kind: "devtmpfs",
        target: "/dev",
        flags: MountFlags::NOSUID,
        options: "mode=755",
        needed: false,
    },
    Mount {
        kind: "devpts",
        target: "/dev/pts",
        flags: MountFlags::NOSUID.union(MountFlags::NOEXEC),
        options: "newinstance,mode=620,gid=5,ptmxmode=666",
        needed: false,
    },
    Mount {
        kind: "tmpfs",
        target: "/dev/shm",
        flags: NO_DEVICES,
        options: "mode=1777",
        needed: false,
    },
    Mount {
        kind: "mqueue",
        target: "/dev/mqueue",
        flags: LOCKED,
        options: "",
        needed: false,
    },
    Mount {
        kind: "tmpfs",
        target: "/run",
        flags: NO_DEVICES,
        options: "mode=755",
        needed: true,
    },
    Mount {
        kind: "tmpfs",
        target: "/tmp",
        flags: NO_DEVICES,
        options: "mode=1777",
        needed: true,
    },
    Mount {
        kind: "tmpfs",
        target: "/root",
        flags: NO_DEVICES,
        options: "mode=700",
        needed: false,
    },
];

/// Mounts the whole table in order. A line that is not needed and fails is recorded, no more.
pub fn mount_all(table: &[Mount]) -> anyhow::Result<()> {
    for line in table {
        match mount_one(line) {
            Ok(()) => {}
            Err(error) if line.needed => return Err(error),
            Err(error) => tracing::warn!(
                target = line.target,
                error = format!("{error:#}"),
                "mount left out"
            ),
        }
    }
    Ok(())
}

/// Mounts those lines of the table whose mount points are not mounted yet and hold none of the `keep` paths.
pub fn mount_missing(table: &[Mount], keep: &[&Path]) -> anyhow::Result<()> {
    for line in table {
        let mounted = mount_points(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
        let target = Path::new(line.target);
        if mounted.iter().any(|point| point == target) || keep.iter().any(|path| path.starts_with(target)) {
            continue;
        }
        mount_all(std::slice::from_ref(line))?;
    }
    Ok(())
}

/// The mount points in the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
pub fn mount_points(mountinfo: &str) -> Vec<PathBuf> {
    mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
        .collect()
}

fn mount_one(line: &Mount) -> anyhow::Result<()> {
    let target = Path::new(line.target);
    if !target.is_dir() {
        fs::create_dir_all(target).with_context(|| format!("failed to make mount point {}", line.target))?;
    }
    let options = CString::new(line.options).context("mount options hold a zero byte")?;
    match mount(line.kind, target, line.kind, line.flags, options.as_c_str()) {
        // The kernel may have mounted it itself.
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(errno) => Err(errno).with_context(|| format!("failed to mount {} on {}", line.kind, line.target)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_order(table: &[Mount]) {
        for (index, line) in table.iter().enumerate() {
            assert!(
                line.target.starts_with('/') && !line.target.ends_with('/'),
                "{}",
                line.target
            );
            for later in &table[index + 1..] {
                assert!(
                    !Path::new(line.target).starts_with(later.target),
                    "{} hides {}",
                    later.target,
                    line.target
                );
            }
        }
    }

    #[test]
    fn tables_no_line_hides_an_earlier_one() {
        check_order(EARLY);
        check_order(LATE);
        check_order(PROCESS);
    }

    #[test]
    fn late_has_what_the_engine_needs() {
        for target in ["/run", "/tmp", "/sys/fs/cgroup", "/dev/pts"] {
            assert!(
                LATE.iter().any(|line| line.target == target && line.needed),
                "{target}"
            );
        }
    }

    #[test]
    fn mount_points_reads_the_fifth_field() {
        let text =
            "22 28 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n24 28 0:6 / /dev rw - devtmpfs udev rw\n";
        assert_eq!(mount_points(text), [PathBuf::from("/sys"), PathBuf::from("/dev")]);
    }
}
