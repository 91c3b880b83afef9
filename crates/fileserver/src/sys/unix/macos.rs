//! Getting from node to node on macOS: descriptors that only watch (`O_EVTONLY`).
//!
//! What such a descriptor cannot do is done by the file's number: `/.vol/<device>/<inode>` names a file wherever it is
//! now, and what is opened so is compared with the node. No path of the guest's is ever opened a second time.

use std::{os::fd::OwnedFd, path::Path};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, Timestamps, XattrFlags};

use super::{errno::linux, key, kind};
use crate::{DirectoryEntry, Errno, Name, XattrMode};

/// Volumes are of both kinds; the careful answer is right for both.
pub const IS_CASE_SENSITIVE: bool = false;

/// A descriptor that names a file, link or folder, does not wait for a pipe's other end and reads nothing.
const NODE: OFlags = OFlags::from_bits_retain(libc::O_EVTONLY as u32 | libc::O_SYMLINK as u32)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

pub fn check_host() -> Result<(), Errno> {
    Ok(())
}

pub fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    fs::open(
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(linux)
}

/// Opens a node by one name in its folder.
pub fn open_node(folder: &OwnedFd, name: &Name) -> Result<OwnedFd, Errno> {
    fs::openat(folder, name.as_bytes(), NODE, Mode::empty()).map_err(linux)
}

/// The node of a file that was just opened: it is looked up, and must be the same.
pub fn node_of(file: &OwnedFd, folder: &OwnedFd, name: &Name) -> Result<OwnedFd, Errno> {
    same(open_node(folder, name)?, file)
}

/// Opens what a node stands for. The caller knows that it is a file or a folder.
pub fn reopen(node: &OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    // Emptied only after it was compared.
    let opened = fs::open(
        volume_path(node)?,
        flags.difference(OFlags::TRUNC) | OFlags::NOFOLLOW,
        Mode::empty(),
    );
    let opened = same(opened.map_err(linux)?, node)?;
    if flags.contains(OFlags::TRUNC) {
        fs::ftruncate(&opened, 0).map_err(linux)?;
    }
    Ok(opened)
}

pub fn read_link(node: &OwnedFd) -> Result<Vec<u8>, Errno> {
    Ok(fs::readlink(volume_path(node)?, Vec::new())
        .map_err(linux)?
        .into_bytes())
}

pub fn hard_link(node: &OwnedFd, folder: &OwnedFd, name: &Name) -> Result<(), Errno> {
    fs::linkat(CWD, volume_path(node)?, folder, name.as_bytes(), AtFlags::empty()).map_err(linux)
}

/// macOS makes pipes and sockets only by path (`mkfifo`, `bind`), and no path is to be had safely.
pub fn make_special(_folder: &OwnedFd, _name: &Name, _kind: FileType, _mode: Mode) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

pub fn set_permissions(node: &OwnedFd, mode: Mode) -> Result<(), Errno> {
    fs::fchmod(node, mode).map_err(linux)
}

pub fn set_times(node: &OwnedFd, times: &Timestamps) -> Result<(), Errno> {
    fs::futimens(node, times).map_err(linux)
}

pub fn sync(file: &OwnedFd, _data_only: bool) -> Result<(), Errno> {
    fs::fsync(file).map_err(linux)
}

/// macOS can neither punch holes portably nor keep Linux's promises.
pub fn allocate(_file: &OwnedFd, _mode: u32, _offset: u64, _length: u64) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

pub fn copy(_from: (&OwnedFd, u64), _to: (&OwnedFd, u64), _length: usize) -> Result<usize, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Lists a folder; the positions count its entries.
pub fn list(
    folder: &mut OwnedFd,
    offset: u64,
    take: &mut dyn FnMut(DirectoryEntry<'_>) -> bool,
) -> Result<(), Errno> {
    let entries = Dir::read_from(&*folder).map_err(linux)?;
    for (index, entry) in (0..).zip(entries) {
        let entry = entry.map_err(linux)?;
        if index < offset {
            continue;
        }
        let name = entry.file_name().to_bytes();
        let listed = DirectoryEntry {
            name,
            inode: entry.ino(),
            kind: kind(entry.file_type()),
            next: index + 1,
        };
        if !take(listed) {
            break;
        }
    }
    Ok(())
}

pub fn xattr(node: &OwnedFd, name: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; crate::abi::MOST_XATTR];
    let count = fs::fgetxattr(node, name, &mut value[..]).map_err(linux)?;
    value.truncate(count);
    Ok(value)
}

pub fn set_xattr(node: &OwnedFd, name: &[u8], value: &[u8], mode: XattrMode) -> Result<(), Errno> {
    let flags = match mode {
        XattrMode::Set => XattrFlags::empty(),
        XattrMode::Create => XattrFlags::CREATE,
        XattrMode::Replace => XattrFlags::REPLACE,
    };
    fs::fsetxattr(node, name, value, flags).map_err(linux)
}

pub fn list_xattrs(node: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let mut list = vec![0; crate::abi::MOST_XATTR];
    let count = fs::flistxattr(node, &mut list[..]).map_err(linux)?;
    list.truncate(count);
    Ok(list)
}

pub fn remove_xattr(node: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
    fs::fremovexattr(node, name).map_err(linux)
}

/// The name by number of what a node stands for.
fn volume_path(node: &OwnedFd) -> Result<String, Errno> {
    let key = key(&fs::fstat(node).map_err(linux)?);
    Ok(format!("/.vol/{}/{}", key.device, key.inode))
}

/// `opened`, if it is what `node` stands for.
fn same(opened: OwnedFd, node: &OwnedFd) -> Result<OwnedFd, Errno> {
    let (opened_key, node_key) = (
        fs::fstat(&opened).map_err(linux)?,
        fs::fstat(node).map_err(linux)?,
    );
    if key(&opened_key) == key(&node_key) {
        Ok(opened)
    } else {
        Err(Errno::STALE)
    }
}
