//! Mounts the root disk and makes what is on it `/`.
//!
//! ```text
//!   /        tmpfs: folders can be made anywhere, for what the host shares
//!   /usr     bound from the root disk, read-only, like every top-level folder that holds something
//!   /home    made, like every empty one
//!   /bin     made, a copy of the root disk's symbolic link
//! ```

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink},
    path::Path,
};

use anyhow::Context;
use rustix::{
    mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_move, unmount},
    process::{chdir, chroot},
};

use crate::{device::Device, mount_table::EARLY};

/// The serial that drivers give the root disk.
pub const SERIAL: &str = "pinnace-root";

/// Where the root disk is until all of it is bound.
const DISK: &str = "/rootdisk";
const NEW_ROOT: &str = "/newroot";
/// It holds names only: what runs in the machine may fill it, and hurts nobody.
const NEW_ROOT_OPTIONS: &std::ffi::CStr = c"mode=755,size=1m,nr_inodes=16k";

/// Waits for the root disk, mounts it read-only, and switches to a root that shows it, taking the early mounts along.
pub fn switch() -> anyhow::Result<()> {
    let device = Device::wait_for(SERIAL).context("no disk with serial pinnace-root appeared")?;
    fs::create_dir_all(DISK).context("failed to make /rootdisk")?;
    mount(&device.node, DISK, "erofs", MountFlags::RDONLY, None)
        .with_context(|| format!("failed to mount root disk {}", device.node.display()))?;
    fs::create_dir_all(NEW_ROOT).context("failed to make /newroot")?;
    lay_out(Path::new(DISK), Path::new(NEW_ROOT)).context("failed to lay out the root")?;
    // What is bound stays.
    unmount(DISK, UnmountFlags::DETACH).context("failed to let go of /rootdisk")?;
    free_initrd();
    for line in EARLY {
        let target = format!("{NEW_ROOT}{}", line.target);
        mount_move(line.target, &target).with_context(|| format!("failed to move {}", line.target))?;
    }
    chdir(NEW_ROOT).context("failed to enter the new root")?;
    mount_move(".", "/").context("failed to move the new root")?;
    chroot(".").context("failed to switch to the new root")?;
    chdir("/").context("failed to enter the new root")
}

/// Mounts a file system in memory on `root` and makes everything in it that `disk` has at its top.
fn lay_out(disk: &Path, root: &Path) -> anyhow::Result<()> {
    let flags = MountFlags::NODEV | MountFlags::NOSUID;
    mount("tmpfs", root, "tmpfs", flags, NEW_ROOT_OPTIONS).context("failed to mount tmpfs")?;
    for entry in fs::read_dir(disk).context("failed to list the root disk")? {
        let from = entry.context("failed to list the root disk")?.path();
        let Some(name) = from.file_name() else {
            continue;
        };
        show(&from, &root.join(name)).with_context(|| format!("failed to show {}", from.display()))?;
    }
    Ok(())
}

fn show(from: &Path, to: &Path) -> anyhow::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        return Ok(symlink(fs::read_link(from)?, to)?);
    }
    if !metadata.is_dir() {
        fs::write(to, "")?;
        return Ok(mount_bind(from, to)?);
    }
    fs::DirBuilder::new().mode(0o755).create(to)?;
    if fs::read_dir(from)?.next().is_some() {
        mount_bind(from, to)?;
    } else {
        let mode = metadata.permissions().mode() & 0o7777;
        fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Gives the initrd's memory back, except for the agent's own file, which stays mapped anyway.
fn free_initrd() {
    if let Some(folder) = Path::new(crate::modules::BOOT_ORDER).parent() {
        // What is not freed costs a few hundred KiB and nothing else.
        let _ = fs::remove_dir_all(folder);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::{
        io::Errno,
        mount::{MountPropagationFlags, mount_change, mount_remount},
    };

    use super::*;

    /// Runs in mounts of its own, which end with it. Needs root.
    #[expect(unsafe_code, reason = "leaving a namespace can surprise other threads")]
    fn in_own_mounts(work: impl FnOnce() + Send + 'static) {
        let thread = thread::spawn(move || {
            // SAFETY: mounts of its own cannot: others keep theirs, and descriptors stay as they are.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }.unwrap();
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            work();
        });
        thread.join().unwrap();
    }

    #[test]
    fn lay_out_shows_the_disk_and_lets_folders_be_made() {
        in_own_mounts(|| {
            let folder = tempfile::tempdir().unwrap();
            let (disk, root) = (folder.path().join("disk"), folder.path().join("root"));
            for below in ["usr/bin", "home", "tmp"] {
                fs::create_dir_all(disk.join(below)).unwrap();
            }
            fs::create_dir(&root).unwrap();
            fs::write(disk.join("usr/bin/sh"), "program").unwrap();
            fs::write(disk.join("notes"), "text").unwrap();
            symlink("usr/bin", disk.join("bin")).unwrap();
            fs::set_permissions(disk.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
            // As the root disk is.
            mount_bind(&disk, &disk).unwrap();
            mount_remount(&disk, MountFlags::BIND | MountFlags::RDONLY, c"").unwrap();

            lay_out(&disk, &root).unwrap();
            unmount(&disk, UnmountFlags::DETACH).unwrap();

            assert_eq!(fs::read_to_string(root.join("bin/sh")).unwrap(), "program");
            assert_eq!(fs::read_to_string(root.join("notes")).unwrap(), "text");
            assert_eq!(
                fs::metadata(root.join("tmp")).unwrap().permissions().mode() & 0o7777,
                0o1777
            );
            fs::create_dir_all(root.join("home/me/work")).unwrap();
            fs::create_dir(root.join("Users")).unwrap();
            assert!(!folder.path().join("disk/home/me").exists());
            let refused = fs::write(root.join("usr/bin/sh"), "").unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(Errno::ROFS.raw_os_error()));
            // It is small.
            assert!(fs::write(root.join("big"), vec![1; 2 << 20]).is_err());
            unmount(&root, UnmountFlags::DETACH).unwrap();
        });
    }
}
