//! A folder of a Unix host.
//!
//! A node is a descriptor that can do nothing but name a file (`O_PATH` and its like). It is made from the descriptor of
//! its folder and one name, without following a link, and everything else is made from it: `traversal` has what differs
//! between Linux and macOS.

mod errno;
mod range_lock;
#[cfg_attr(target_os = "linux", path = "unix/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "unix/macos.rs")]
mod traversal;
mod volume;

use std::{
    ffi::OsStr,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Component, Path},
};

use rustix::fs::{self, FileType, Stat};

use crate::{Errno, Found, Kind, Metadata, Name, NodeKey, Time};
use errno::linux;

/// A folder of this host, with all that is below it.
#[derive(Debug)]
pub struct HostFolder {
    root: OwnedFd,
}

impl HostFolder {
    /// Opens the folder at `path`, whose links are followed: the host user wrote it. What becomes of the path later is of
    /// no meaning.
    pub fn open(path: &Path) -> Result<Self, Errno> {
        traversal::check_host()?;
        let root = traversal::open_root(path)?;
        let metadata = metadata(&root)?;
        if metadata.kind != Kind::Folder {
            return Err(Errno::NOTDIR);
        }
        Ok(Self { root })
    }
}

/// The names of a relative path's components, or none when they are not names that the guest could know.
pub fn path_names(path: &Path) -> Option<Vec<Name>> {
    path.components()
        .map(|component| match component {
            Component::Normal(name) => Name::new(OsStr::as_bytes(name)).ok(),
            _ => None,
        })
        .collect()
}

/// What `fstat` says of a node.
fn metadata(node: &OwnedFd) -> Result<Metadata, Errno> {
    let stat = fs::fstat(node).map_err(linux)?;
    let mode = u32::try_from(unsigned(stat.st_mode)).unwrap_or_default();
    Ok(Metadata {
        key: key(&stat),
        kind: Kind::from_mode(mode).ok_or(Errno::IO)?,
        permissions: mode & 0o7777,
        size: unsigned(stat.st_size),
        blocks: unsigned(stat.st_blocks),
        block_size: u32::try_from(unsigned(stat.st_blksize)).unwrap_or(4096),
        links: u32::try_from(unsigned(stat.st_nlink)).unwrap_or(u32::MAX),
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
    })
}

/// The kind of a folder's entry, where its file system tells it there.
fn kind(file_type: FileType) -> Option<Kind> {
    let mode = u32::try_from(unsigned(file_type.as_raw_mode())).unwrap_or_default();
    Kind::from_mode(mode)
}

fn key(stat: &Stat) -> NodeKey {
    NodeKey {
        device: unsigned(stat.st_dev),
        inode: unsigned(stat.st_ino),
    }
}

fn found(node: OwnedFd) -> Result<Found<OwnedFd>, Errno> {
    let metadata = metadata(&node)?;
    Ok(Found { node, metadata })
}

fn time<S: TryInto<i64>, N: TryInto<u64>>(seconds: S, nanoseconds: N) -> Time {
    let seconds = seconds.try_into().unwrap_or_default();
    Time {
        seconds,
        nanoseconds: u32::try_from(unsigned(nanoseconds)).unwrap_or_default(),
    }
}

/// The systems disagree on the types of these numbers, never on their being at least 0.
fn unsigned<T: TryInto<u64>>(number: T) -> u64 {
    number.try_into().unwrap_or_default()
}
