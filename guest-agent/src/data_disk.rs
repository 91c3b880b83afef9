//! The data disk: everything the engine keeps.
//!
//! ```text
//!   judge ─► blank ─────────► format ─┐
//!     │  └─► half formatted ► format ─┤
//!     ├────► ours ──► e2fsck -p if it has errors ──► mount (replays the journal) ──► mounted
//!     │                                                └─ fails: e2fsck -p, once more
//!     └────► anything else ──► unusable, never touched
//! ```

use std::{
    fs::{self, File},
    io::ErrorKind,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use protocol::DataDisk;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};

use crate::{
    blank::{Judgement, judge},
    device::Device,
    format::format,
};

/// The serial that drivers give the data disk.
pub const SERIAL: &str = "pinnace-data";
/// Where it is mounted. The engine sees only the folders that are bound from it.
pub const MOUNT_POINT: &str = "/run/pinnace/data";

/// Folders of the disk and where the engine has them: its usual places, so that paths in its answers look right.
const BINDS: &[(&str, &str)] = &[
    ("docker", "/var/lib/docker"),
    ("containerd", "/var/lib/containerd"),
];

/// Growing by less is not worth an extra run of resize2fs at each boot: ext4 leaves a tail of up to a block group
/// that is too small for its tables.
const GROW_STEP_BYTES: u64 = 64 << 20;

/// The mounted disk.
#[derive(Clone, Debug)]
pub struct Mounted {
    device: Device,
    formatted: bool,
}

impl Mounted {
    /// Finds the disk and mounts it. An error is a reason not to touch it, with what to do.
    pub fn mount() -> anyhow::Result<Self> {
        let device = Device::wait_for(SERIAL).context("no disk with serial pinnace-data appeared")?;
        let node = &device.node;
        if device.is_read_only() {
            bail!("the data disk is read-only; make its file writable and start the machine again");
        }
        let size_bytes = device.size_bytes();
        let judgement = judge(
            &mut File::open(node).context("failed to open the data disk")?,
            size_bytes,
        )
        .context("failed to read the data disk")?;
        let formatted = match judgement {
            Judgement::Blank | Judgement::HalfFormatted => {
                format(node, size_bytes, Path::new("/run")).context("failed to format the data disk")?;
                true
            }
            Judgement::Ours { errors, .. } => {
                if errors {
                    check(node)?;
                }
                false
            }
            Judgement::Foreign(why) => {
                bail!(
                    "the data disk was left untouched: {why}; put the right disk back, or reset the machine"
                )
            }
        };
        fs::create_dir_all(MOUNT_POINT).context("failed to make the data disk's mount point")?;
        if let Err(error) = mount_ext4(node) {
            tracing::warn!(%error, "data disk not mounted at first");
            check(node)?;
            mount_ext4(node).context("failed to mount the data disk")?;
        }
        for (folder, target) in BINDS {
            bind(&Path::new(MOUNT_POINT).join(folder), Path::new(target))?;
        }
        Ok(Self { device, formatted })
    }

    /// Grows the file system when its disk has grown. Returns whether it did.
    pub fn grow(&self) -> anyhow::Result<bool> {
        let disk_bytes = self.device.size_bytes();
        let judgement = judge(&mut File::open(&self.device.node)?, disk_bytes)?;
        let Judgement::Ours { size_bytes, .. } = judgement else {
            bail!("the data disk is not ours any more")
        };
        if disk_bytes < size_bytes + GROW_STEP_BYTES {
            return Ok(false);
        }
        run(Command::new("/sbin/resize2fs").arg(&self.device.node), &[0])
            .context("failed to grow the data disk")?;
        tracing::info!(from_bytes = size_bytes, to_bytes = disk_bytes, "data disk grown");
        Ok(true)
    }

    /// Tells its size and what is free, for the host.
    pub fn describe(&self) -> DataDisk {
        match rustix::fs::statvfs(MOUNT_POINT) {
            Ok(stat) => DataDisk::Mounted {
                size_bytes: stat.f_blocks * stat.f_frsize,
                free_bytes: stat.f_bavail * stat.f_frsize,
                formatted: self.formatted,
            },
            Err(errno) => DataDisk::Unusable {
                reason: format!("failed to ask for its size: {errno}"),
            },
        }
    }

    /// Gives unused blocks back to the host. Returns how many bytes.
    pub fn trim(&self) -> anyhow::Result<u64> {
        let folder = File::open(MOUNT_POINT).context("failed to open the data disk's folder")?;
        crate::trim::trim(folder.as_fd()).context("failed to trim the data disk")
    }

    /// Unmounts it after everything that used it is gone.
    pub fn unmount(&self) -> anyhow::Result<()> {
        rustix::fs::sync();
        for (_, target) in BINDS.iter().rev() {
            unmount_below(Path::new(target));
        }
        unmount(MOUNT_POINT, UnmountFlags::empty()).context("failed to unmount the data disk")
    }
}

fn mount_ext4(node: &Path) -> rustix::io::Result<()> {
    // `discard` gives deleted blocks back to the host at once; a broken disk turns read-only rather than worse.
    mount(
        node,
        MOUNT_POINT,
        "ext4",
        MountFlags::NOATIME,
        c"discard,errors=remount-ro",
    )
}

/// Unmounts a mount point and what containers left mounted below it. What is busy goes with the machine.
fn unmount_below(target: &Path) {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points: Vec<PathBuf> = crate::mount_table::mount_points(&text);
    for point in points.iter().rev().filter(|point| point.starts_with(target)) {
        if let Err(error) = unmount(point, UnmountFlags::DETACH) {
            tracing::info!(path = %point.display(), %error, "mount left to the power-off");
        }
    }
}

fn bind(folder: &Path, target: &Path) -> anyhow::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("failed to make {}", folder.display()));
        }
        _ => {}
    }
    mount_bind(folder, target).with_context(|| format!("failed to bind {}", target.display()))
}

/// Lets e2fsck mend what it can without asking: never more, so that nothing is lost by our choice.
fn check(node: &Path) -> anyhow::Result<()> {
    // e2fsck(8): 0 no errors, 1 corrected, 2 corrected and the machine should boot again, which matters only for a
    // mounted file system.
    run(Command::new("/sbin/e2fsck").arg("-p").arg(node), &[0, 1, 2])
        .context("the data disk has errors that need a decision and was left as it is")
}

fn run(command: &mut Command, good: &[i32]) -> anyhow::Result<()> {
    let output = command
        .output()
        .context("failed to run a program of the root disk")?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.code().is_some_and(|code| good.contains(&code)) {
        tracing::info!(program = ?command.get_program(), output = text, "file system program ended");
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    bail!(
        "{} ended with {}: {} {}",
        command.get_program().display(),
        output.status,
        text,
        errors.trim()
    )
}
