//! A mount point at the path that a folder has on the host.
//!
//! In a machine any folder can be made, the root is in memory (see `root`). A process shares its root with an unpacked
//! image that must stay as it is: there only the last folder is made, and only in a file system in memory.

use std::{
    ffi::OsStr,
    fs::File,
    io::Read as _,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rustix::{
    fs::{AtFlags, Dir, Mode, OFlags, mkdirat, openat, unlinkat},
    io::Errno,
    mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_change, unmount},
};

use super::mountinfo::{self, MountLine};

const FOLDER: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The machine is ours alone.
    Machine,
    /// Only folders in memory are.
    Process,
}

/// A share bound at its own path. Call [`Place::leave`].
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    made: Vec<Made>,
}

/// A folder that was made for it.
#[derive(Debug)]
struct Made {
    parent: OwnedFd,
    name: std::ffi::OsString,
}

impl Place {
    /// Binds what is mounted at `source` to `path`, which is absolute and plain. Nothing stays made when it fails.
    pub fn take(ground: Ground, source: &Path, path: &Path) -> anyhow::Result<Self> {
        let lines = own_mounts()?;
        if lines.iter().any(|line| line.point == path) {
            bail!("something of the machine is mounted there");
        }
        if ground == Ground::Process {
            check_memory(&lines, path)?;
        }
        let mut made = Vec::new();
        let bound = make(path, &mut made).and_then(|point| bind(source, &point));
        if let Err(error) = bound {
            unmake(made);
            return Err(error);
        }
        Ok(Self {
            path: path.to_owned(),
            made,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Unmounts it and removes the folders that were made for it.
    pub fn leave(self) {
        detach(&self.path, UnmountFlags::empty());
        unmake(self.made);
    }
}

/// Unmounts what is mounted there, whoever still uses it.
pub fn detach(point: &Path, extra: UnmountFlags) {
    if let Err(error) = unmount(point, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW | extra) {
        tracing::warn!(%error, "share not unmounted");
    }
}

/// The mounts that this thread sees.
pub fn own_mounts() -> anyhow::Result<Vec<MountLine>> {
    let mut text = Vec::new();
    File::open("/proc/thread-self/mountinfo")
        .and_then(|mut file| file.read_to_end(&mut text))
        .context("failed to read what is mounted")?;
    Ok(mountinfo::parse(&text))
}

/// Succeeds when the folder around it is in memory and not in an image.
fn check_memory(lines: &[MountLine], path: &Path) -> anyhow::Result<()> {
    let parent = path.parent().context("it is the root")?;
    let around = lines
        .iter()
        .rev()
        .filter(|line| parent.starts_with(&line.point))
        .max_by_key(|line| line.point.components().count());
    let in_memory =
        around.is_some_and(|line| line.kind == "tmpfs" && !line.read_only && line.point != Path::new("/"));
    if !in_memory || !parent.is_dir() {
        bail!("the folder around it is not this machine's alone");
    }
    Ok(())
}

/// Opens the folder, making what is missing. It is empty. No symbolic link is followed.
fn make(path: &Path, made: &mut Vec<Made>) -> anyhow::Result<OwnedFd> {
    let mut folder =
        openat(rustix::fs::CWD, "/", FOLDER, Mode::empty()).context("failed to open the root")?;
    for name in path.iter().skip(1) {
        folder = step(folder, name, made).with_context(|| format!("failed to make {}", path.display()))?;
    }
    let listed = openat(
        &folder,
        ".",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .and_then(Dir::new)
    .context("failed to look into the folder")?;
    let is_empty = listed
        .flatten()
        .all(|entry| matches!(entry.file_name().to_bytes(), b"." | b".."));
    if !is_empty {
        bail!("the machine has files there");
    }
    Ok(folder)
}

fn step(folder: OwnedFd, name: &OsStr, made: &mut Vec<Made>) -> Result<OwnedFd, Errno> {
    match openat(&folder, name, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => {}
        found => return found,
    }
    mkdirat(&folder, name, Mode::from_raw_mode(0o755))?;
    let child = openat(&folder, name, FOLDER, Mode::empty());
    made.push(Made {
        parent: folder,
        name: name.to_owned(),
    });
    child
}

fn bind(source: &Path, point: &impl AsFd) -> anyhow::Result<()> {
    // Nobody can put another folder in its place.
    let target = format!("/proc/thread-self/fd/{}", point.as_fd().as_raw_fd());
    mount_bind(source, &*target).context("failed to bind the share")?;
    Ok(())
}

fn unmake(made: Vec<Made>) {
    for one in made.into_iter().rev() {
        // One that is used by something else stays.
        let _ = unlinkat(&one.parent, &*one.name, AtFlags::REMOVEDIR);
    }
}

/// Makes a mount tell nobody and hear from nobody.
pub fn keep_to_itself(point: &Path) -> anyhow::Result<()> {
    mount_change(point, MountPropagationFlags::PRIVATE).context("failed to make the mount private")
}
