//! [`Volume`] for a folder of a Unix host.

use std::os::fd::OwnedFd;

use rustix::{
    fs::{
        self, AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, SeekFrom, Timespec, Timestamps,
    },
    io::retry_on_intr,
    process::{Resource, getrlimit},
};

use super::{HostFolder, errno::linux, found, metadata, range_lock, traversal, unsigned};
use crate::{
    DirectoryEntry, Errno, FileLock, Found, Kind, LockKind, LockSpace, Metadata, Name, OpenMode, RenameMode,
    Seek, Statistics, TimeChange, Volume, XattrMode,
};

impl Volume for HostFolder {
    type Node = OwnedFd;
    type File = OwnedFd;
    type Folder = OwnedFd;
    type Locks = OwnedFd;

    fn descriptors(&self) -> usize {
        let limit = getrlimit(Resource::Nofile).current;
        limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }

    fn is_case_sensitive(&self) -> bool {
        traversal::IS_CASE_SENSITIVE
    }

    fn root(&self) -> Result<Found<OwnedFd>, Errno> {
        found(
            self.root
                .try_clone()
                .map_err(|error| super::errno::of_io(&error))?,
        )
    }

    fn find(&self, folder: &OwnedFd, name: &Name) -> Result<Found<OwnedFd>, Errno> {
        found(traversal::open_node(folder, name)?)
    }

    fn metadata(&self, node: &OwnedFd) -> Result<Metadata, Errno> {
        metadata(node)
    }

    fn read_link(&self, node: &OwnedFd) -> Result<Vec<u8>, Errno> {
        traversal::read_link(node)
    }

    fn create(
        &self,
        folder: &OwnedFd,
        name: &Name,
        mode: OpenMode,
        permissions: u32,
    ) -> Result<(Found<OwnedFd>, OwnedFd), Errno> {
        let flags = flags(mode) | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let file = fs::openat(
            folder,
            name.as_bytes(),
            flags,
            Mode::from_raw_mode(permissions as _),
        )
        .map_err(linux)?;
        // From the open file, not from the name: that may be another's by now.
        let node = traversal::node_of(&file, folder, name)?;
        Ok((found(node)?, file))
    }

    fn make_folder(&self, folder: &OwnedFd, name: &Name, permissions: u32) -> Result<Found<OwnedFd>, Errno> {
        fs::mkdirat(folder, name.as_bytes(), Mode::from_raw_mode(permissions as _)).map_err(linux)?;
        self.find(folder, name)
    }

    fn make_link(&self, folder: &OwnedFd, name: &Name, target: &[u8]) -> Result<Found<OwnedFd>, Errno> {
        fs::symlinkat(target, folder, name.as_bytes()).map_err(linux)?;
        self.find(folder, name)
    }

    fn make_special(
        &self,
        folder: &OwnedFd,
        name: &Name,
        kind: Kind,
        permissions: u32,
    ) -> Result<Found<OwnedFd>, Errno> {
        let file_type = match kind {
            Kind::Pipe => FileType::Fifo,
            Kind::Socket => FileType::Socket,
            _ => return Err(Errno::PERM),
        };
        traversal::make_special(folder, name, file_type, Mode::from_raw_mode(permissions as _))?;
        self.find(folder, name)
    }

    fn hard_link(&self, node: &OwnedFd, folder: &OwnedFd, name: &Name) -> Result<(), Errno> {
        traversal::hard_link(node, folder, name)
    }

    fn remove(&self, folder: &OwnedFd, name: &Name) -> Result<(), Errno> {
        fs::unlinkat(folder, name.as_bytes(), AtFlags::empty()).map_err(linux)
    }

    fn remove_folder(&self, folder: &OwnedFd, name: &Name) -> Result<(), Errno> {
        fs::unlinkat(folder, name.as_bytes(), AtFlags::REMOVEDIR).map_err(linux)
    }

    fn rename(&self, from: (&OwnedFd, &Name), to: (&OwnedFd, &Name), mode: RenameMode) -> Result<(), Errno> {
        let (from_name, to_name) = (from.1.as_bytes(), to.1.as_bytes());
        match mode {
            RenameMode::Replace => fs::renameat(from.0, from_name, to.0, to_name),
            RenameMode::NoReplace => {
                fs::renameat_with(from.0, from_name, to.0, to_name, RenameFlags::NOREPLACE)
            }
            RenameMode::Exchange => {
                fs::renameat_with(from.0, from_name, to.0, to_name, RenameFlags::EXCHANGE)
            }
        }
        .map_err(linux)
    }

    fn set_permissions(&self, node: &OwnedFd, permissions: u32) -> Result<(), Errno> {
        traversal::set_permissions(node, Mode::from_raw_mode((permissions & 0o1777) as _))
    }

    fn set_size(&self, node: &OwnedFd, file: Option<&OwnedFd>, size: u64) -> Result<(), Errno> {
        match file {
            Some(file) => fs::ftruncate(file, size).map_err(linux),
            None => {
                fs::ftruncate(traversal::reopen(node, OFlags::WRONLY | OFlags::CLOEXEC)?, size).map_err(linux)
            }
        }
    }

    fn set_times(&self, node: &OwnedFd, accessed: TimeChange, modified: TimeChange) -> Result<(), Errno> {
        let times = Timestamps {
            last_access: timespec(accessed),
            last_modification: timespec(modified),
        };
        traversal::set_times(node, &times)
    }

    fn open(&self, node: &OwnedFd, mode: OpenMode) -> Result<OwnedFd, Errno> {
        traversal::reopen(node, flags(mode))
    }

    fn read(&self, file: &OwnedFd, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut done = 0;
        while done < buffer.len() {
            match retry_on_intr(|| rustix::io::pread(file, &mut buffer[done..], offset + done as u64)) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(_) if done > 0 => break,
                Err(error) => return Err(linux(error)),
            }
        }
        Ok(done)
    }

    fn write(&self, file: &OwnedFd, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let mut done = 0;
        while done < bytes.len() {
            match retry_on_intr(|| rustix::io::pwrite(file, &bytes[done..], offset + done as u64)) {
                Ok(0) => break,
                Ok(count) => done += count,
                // A full disk is the next write's to report: what went must be counted.
                Err(_) if done > 0 => break,
                Err(error) => return Err(linux(error)),
            }
        }
        Ok(done)
    }

    fn sync(&self, file: &OwnedFd, data_only: bool) -> Result<(), Errno> {
        traversal::sync(file, data_only)
    }

    fn allocate(&self, file: &OwnedFd, mode: u32, offset: u64, length: u64) -> Result<(), Errno> {
        traversal::allocate(file, mode, offset, length)
    }

    fn seek(&self, file: &OwnedFd, seek: Seek) -> Result<u64, Errno> {
        // The position is nobody's: all reads and writes say where.
        let position = match seek {
            Seek::Data(offset) => SeekFrom::Data(offset),
            Seek::Hole(offset) => SeekFrom::Hole(offset),
        };
        fs::seek(file, position).map_err(linux)
    }

    fn copy(&self, from: (&OwnedFd, u64), to: (&OwnedFd, u64), length: usize) -> Result<usize, Errno> {
        traversal::copy(from, to, length)
    }

    fn open_folder(&self, node: &OwnedFd) -> Result<OwnedFd, Errno> {
        traversal::reopen(node, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC)
    }

    fn list(
        &self,
        folder: &mut OwnedFd,
        offset: u64,
        take: &mut dyn FnMut(DirectoryEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        traversal::list(folder, offset, take)
    }

    fn sync_folder(&self, folder: &OwnedFd) -> Result<(), Errno> {
        traversal::sync(folder, false)
    }

    fn xattr(&self, node: &OwnedFd, name: &[u8]) -> Result<Vec<u8>, Errno> {
        traversal::xattr(node, name)
    }

    fn set_xattr(&self, node: &OwnedFd, name: &[u8], value: &[u8], mode: XattrMode) -> Result<(), Errno> {
        traversal::set_xattr(node, name, value, mode)
    }

    fn xattrs(&self, node: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
        let list = traversal::list_xattrs(node)?;
        Ok(list
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(<[u8]>::to_vec)
            .collect())
    }

    fn remove_xattr(&self, node: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
        traversal::remove_xattr(node, name)
    }

    fn statistics(&self) -> Result<Statistics, Errno> {
        let found = fs::fstatvfs(&self.root).map_err(linux)?;
        Ok(Statistics {
            blocks: found.f_blocks,
            free: found.f_bfree,
            available: found.f_bavail,
            files: found.f_files,
            free_files: found.f_ffree,
            fragment_bytes: u32::try_from(unsigned(found.f_frsize)).unwrap_or(4096),
            block_bytes: u32::try_from(unsigned(found.f_bsize)).unwrap_or(4096),
        })
    }

    fn open_locks(&self, node: &OwnedFd) -> Result<OwnedFd, Errno> {
        // A lock to write needs a descriptor that may write; who may only read takes the other kind.
        traversal::reopen(node, OFlags::RDWR | OFlags::CLOEXEC).or_else(|errno| match errno {
            Errno::ACCES | Errno::ROFS | Errno::PERM => {
                traversal::reopen(node, OFlags::RDONLY | OFlags::CLOEXEC)
            }
            errno => Err(errno),
        })
    }

    fn lock(&self, locks: &OwnedFd, space: LockSpace, lock: FileLock) -> Result<(), Errno> {
        match space {
            LockSpace::Ranges => range_lock::set(locks, lock),
            LockSpace::Whole => fs::flock(locks, whole(lock.kind)).map_err(linux),
        }
    }

    fn probe_lock(&self, locks: &OwnedFd, lock: FileLock) -> Result<FileLock, Errno> {
        range_lock::probe(locks, lock)
    }
}

fn whole(kind: LockKind) -> FlockOperation {
    match kind {
        LockKind::Shared => FlockOperation::NonBlockingLockShared,
        LockKind::Exclusive => FlockOperation::NonBlockingLockExclusive,
        LockKind::Unlocked => FlockOperation::Unlock,
    }
}

fn flags(mode: OpenMode) -> OFlags {
    let mut flags = match (mode.read, mode.write) {
        (_, false) => OFlags::RDONLY,
        (false, true) => OFlags::WRONLY,
        (true, true) => OFlags::RDWR,
    };
    flags |= OFlags::CLOEXEC | OFlags::NOCTTY;
    flags.set(OFlags::APPEND, mode.append && mode.write);
    flags.set(OFlags::TRUNC, mode.truncate);
    flags.set(OFlags::SYNC, mode.synchronous);
    flags
}

fn timespec(change: TimeChange) -> Timespec {
    let (tv_sec, tv_nsec) = match change {
        TimeChange::Keep => (0, fs::UTIME_OMIT),
        TimeChange::Now => (0, fs::UTIME_NOW),
        TimeChange::To(time) => (time.seconds, time.nanoseconds.into()),
    };
    Timespec { tv_sec, tv_nsec }
}
