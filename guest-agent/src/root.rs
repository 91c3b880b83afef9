//! Mounts the root disk and makes it `/`.

use std::{fs, path::Path};

use anyhow::Context;
use rustix::{
    mount::{MountFlags, mount, mount_move},
    process::{chdir, chroot},
};

use crate::{device::Device, mount_table::EARLY};

/// The serial that drivers give the root disk.
pub const SERIAL: &str = "pinnace-root";

const NEW_ROOT: &str = "/newroot";

/// Waits for the root disk, mounts it read-only, and switches to it, taking the early mounts along.
pub fn switch() -> anyhow::Result<()> {
    let device = Device::wait_for(SERIAL).context("no disk with serial pinnace-root appeared")?;
    fs::create_dir_all(NEW_ROOT).context("failed to make /newroot")?;
    mount(&device.node, NEW_ROOT, "erofs", MountFlags::RDONLY, None)
        .with_context(|| format!("failed to mount root disk {}", device.node.display()))?;
    free_initrd();
    for line in EARLY {
        let target = format!("{NEW_ROOT}{}", line.target);
        mount_move(line.target, &target).with_context(|| format!("failed to move {}", line.target))?;
    }
    chdir(NEW_ROOT).context("failed to enter the root disk")?;
    mount_move(".", "/").context("failed to move the root disk")?;
    chroot(".").context("failed to switch to the root disk")?;
    chdir("/").context("failed to enter the root disk")
}

/// Gives the initrd's memory back, except for the agent's own file, which stays mapped anyway.
fn free_initrd() {
    if let Some(folder) = Path::new(crate::modules::BOOT_ORDER).parent() {
        // What is not freed costs a few hundred KiB and nothing else.
        let _ = fs::remove_dir_all(folder);
    }
}
