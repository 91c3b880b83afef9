//! Getting from node to node on Linux: `O_PATH` descriptors.
//!
//! Where Linux has no call for such a descriptor, it is named by its entry in `/proc/self/fd`. That is no path of the
//! guest's: the kernel goes straight to the file that the descriptor stands for, wherever it is now.

use std::{
    mem::MaybeUninit,
    os::fd::{AsRawFd as _, OwnedFd},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{
        self, AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags, PROC_SUPER_MAGIC, RawDir, ResolveFlags,
        SeekFrom, Timestamps, XattrFlags,
    },
    io::Errno as HostErrno,
};

use super::{errno::linux, kind};
use crate::{DirectoryEntry, Errno, Name, XattrMode};

/// Linux's file systems tell `a` from `A`, but for folders that were made not to: nobody caches absence in those.
pub const IS_CASE_SENSITIVE: bool = true;

/// Bytes of entries read at a time.
const LISTING_BYTES: usize = 32 * 1024;
/// A descriptor that names a file, link or folder and does nothing.
const NODE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Whether there is what this module needs.
pub fn check_host() -> Result<(), Errno> {
    let proc = fs::statfs("/proc").map_err(linux)?;
    if proc.f_type == PROC_SUPER_MAGIC {
        Ok(())
    } else {
        Err(Errno::NODEV)
    }
}

pub fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    fs::open(
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(linux)
}

/// Opens a node by one name in its folder.
pub fn open_node(folder: &OwnedFd, name: &Name) -> Result<OwnedFd, Errno> {
    // A `Name` is a single component and `O_NOFOLLOW` is about that one, so the second way is just as safe. The first
    // holds even if somebody once gets that wrong.
    static HAS_OPENAT2: AtomicBool = AtomicBool::new(true);
    if HAS_OPENAT2.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        match fs::openat2(folder, name.as_bytes(), NODE, Mode::empty(), resolve) {
            // Linux before 5.6, and sandboxes that do not know it.
            Err(HostErrno::NOSYS | HostErrno::PERM) => HAS_OPENAT2.store(false, Ordering::Relaxed),
            result => return result.map_err(linux),
        }
    }
    fs::openat(folder, name.as_bytes(), NODE, Mode::empty()).map_err(linux)
}

/// The node of a file that was just opened.
pub fn node_of(file: &OwnedFd, _folder: &OwnedFd, _name: &Name) -> Result<OwnedFd, Errno> {
    fs::open(link_to(file), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(linux)
}

/// Opens what a node stands for. The caller knows that it is a file or a folder.
pub fn reopen(node: &OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    fs::open(link_to(node), flags, Mode::empty()).map_err(linux)
}

pub fn read_link(node: &OwnedFd) -> Result<Vec<u8>, Errno> {
    Ok(fs::readlinkat(node, c"", Vec::new()).map_err(linux)?.into_bytes())
}

pub fn hard_link(node: &OwnedFd, folder: &OwnedFd, name: &Name) -> Result<(), Errno> {
    // The link that is followed is the one in `/proc`, and no further one.
    fs::linkat(
        CWD,
        link_to(node),
        folder,
        name.as_bytes(),
        AtFlags::SYMLINK_FOLLOW,
    )
    .map_err(linux)
}

pub fn make_special(folder: &OwnedFd, name: &Name, kind: FileType, mode: Mode) -> Result<(), Errno> {
    fs::mknodat(folder, name.as_bytes(), kind, mode, 0).map_err(linux)
}

pub fn set_permissions(node: &OwnedFd, mode: Mode) -> Result<(), Errno> {
    fs::chmod(link_to(node), mode).map_err(linux)
}

pub fn set_times(node: &OwnedFd, times: &Timestamps) -> Result<(), Errno> {
    fs::utimensat(CWD, link_to(node), times, AtFlags::empty()).map_err(linux)
}

pub fn sync(file: &OwnedFd, data_only: bool) -> Result<(), Errno> {
    if data_only {
        fs::fdatasync(file)
    } else {
        fs::fsync(file)
    }
    .map_err(linux)
}

pub fn allocate(file: &OwnedFd, mode: u32, offset: u64, length: u64) -> Result<(), Errno> {
    fs::fallocate(file, FallocateFlags::from_bits_retain(mode), offset, length).map_err(linux)
}

pub fn copy(from: (&OwnedFd, u64), to: (&OwnedFd, u64), length: usize) -> Result<usize, Errno> {
    let (mut source, mut target) = (from.1, to.1);
    fs::copy_file_range(from.0, Some(&mut source), to.0, Some(&mut target), length).map_err(linux)
}

/// Lists a folder; the positions are those of the host's file system.
pub fn list(
    folder: &mut OwnedFd,
    offset: u64,
    take: &mut dyn FnMut(DirectoryEntry<'_>) -> bool,
) -> Result<(), Errno> {
    fs::seek(&*folder, SeekFrom::Start(offset)).map_err(linux)?;
    let mut buffer = Vec::with_capacity(LISTING_BYTES);
    let buffer: &mut [MaybeUninit<u8>] = buffer.spare_capacity_mut();
    let mut entries = RawDir::new(&*folder, buffer);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(linux)?;
        let listed = DirectoryEntry {
            name: entry.file_name().to_bytes(),
            inode: entry.ino(),
            kind: kind(entry.file_type()),
            next: entry.next_entry_cookie(),
        };
        if !take(listed) {
            break;
        }
    }
    Ok(())
}

pub fn xattr(node: &OwnedFd, name: &[u8]) -> Result<Vec<u8>, Errno> {
    // The usual one is short; a long one is asked for again with all the room there can be.
    let mut value = vec![0; 256];
    let link = link_to(node);
    let count = match fs::getxattr(&link, name, &mut value[..]) {
        Err(HostErrno::RANGE) => {
            value.resize(crate::abi::MOST_XATTR, 0);
            fs::getxattr(&link, name, &mut value[..])
        }
        result => result,
    };
    value.truncate(count.map_err(linux)?);
    Ok(value)
}

pub fn set_xattr(node: &OwnedFd, name: &[u8], value: &[u8], mode: XattrMode) -> Result<(), Errno> {
    let flags = match mode {
        XattrMode::Set => XattrFlags::empty(),
        XattrMode::Create => XattrFlags::CREATE,
        XattrMode::Replace => XattrFlags::REPLACE,
    };
    fs::setxattr(link_to(node), name, value, flags).map_err(linux)
}

pub fn list_xattrs(node: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let mut list = vec![0; crate::abi::MOST_XATTR];
    let count = fs::listxattr(link_to(node), &mut list[..]).map_err(linux)?;
    list.truncate(count);
    Ok(list)
}

pub fn remove_xattr(node: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
    fs::removexattr(link_to(node), name).map_err(linux)
}

/// The entry of a descriptor in `/proc`.
fn link_to(descriptor: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}
