//! Open files.

use super::Request;
use crate::{
    Errno, Kind, OpenMode, Seek, Volume,
    abi::{
        self, CopyFileRangeIn, FallocateIn, LseekIn, LseekOut, OpenIn, OpenOut, ReadIn, ReleaseIn, WriteIn,
        WriteOut,
    },
    handles::Handle,
    reply::Body,
};

/// Linux's `FALLOC_FL_KEEP_SIZE`, `_PUNCH_HOLE` and `_ZERO_RANGE`: what its FUSE passes on.
const FALLOCATE_MODES: u32 = 0x01 | 0x02 | 0x10;
/// Linux's numbers of the two ways to seek that ask the file system.
const SEEK_DATA: u32 = 3;
const SEEK_HOLE: u32 = 4;
/// One request copies no more, so that it does not keep its thread for minutes; the kernel asks again.
const MOST_COPIED: u64 = 64 << 20;

impl<V: Volume> Request<'_, V> {
    pub(super) fn open(&self, input: &OpenIn) -> Result<Body, Errno> {
        let known = self.node()?;
        must_be_file(known.kind)?;
        let mode = open_mode(input.flags)?;
        if mode.write || mode.truncate {
            self.must_be_writable()?;
        }
        let file = self.volume.open(&known.node, mode)?;
        if input.open_flags & abi::OPEN_KILL_SUIDGID != 0 && mode.truncate {
            self.kill_privileges()?;
        }
        let fh = self.tables.handles.insert(Handle::File(file))?;
        Ok(Body::of(&OpenOut {
            fh,
            open_flags: self.open_flags(),
            padding: 0,
        }))
    }

    pub(super) fn open_flags(&self) -> u32 {
        if self.cache.keep_pages {
            abi::FOPEN_KEEP_CACHE
        } else {
            0
        }
    }

    pub(super) fn read(&self, input: &ReadIn) -> Result<Body, Errno> {
        let offset = offset(input.offset)?;
        self.with_file(input.fh, |file| {
            Body::filled(input.size as usize, |buffer| {
                self.volume.read(file, offset, buffer)
            })
        })
    }

    pub(super) fn write(&self, input: &WriteIn, data: &[u8]) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let offset = offset(input.offset)?;
        if input.write_flags & abi::WRITE_KILL_SUIDGID != 0 {
            self.kill_privileges()?;
        }
        let count = self.with_file(input.fh, |file| self.volume.write(file, offset, data))?;
        Ok(Body::of(&WriteOut {
            size: count as u32,
            padding: 0,
        }))
    }

    pub(super) fn release(&self, input: &ReleaseIn) -> Result<Body, Errno> {
        if input.release_flags & abi::RELEASE_FLOCK_UNLOCK != 0 {
            self.release_whole_locks(input.lock_owner);
        }
        self.tables.handles.remove(input.fh);
        Ok(Body::empty())
    }

    pub(super) fn sync(&self, handle: u64, data_only: bool) -> Result<Body, Errno> {
        self.with_file(handle, |file| self.volume.sync(file, data_only))?;
        Ok(Body::empty())
    }

    pub(super) fn allocate(&self, input: &FallocateIn) -> Result<Body, Errno> {
        self.must_be_writable()?;
        if input.mode & !FALLOCATE_MODES != 0 {
            return Err(Errno::OPNOTSUPP);
        }
        let (start, length) = (offset(input.offset)?, offset(input.length)?);
        self.with_file(input.fh, |file| {
            self.volume.allocate(file, input.mode, start, length)
        })?;
        Ok(Body::empty())
    }

    pub(super) fn seek(&self, input: &LseekIn) -> Result<Body, Errno> {
        let start = offset(input.offset).map_err(|_| Errno::NXIO)?;
        let seek = match input.whence {
            SEEK_DATA => Seek::Data(start),
            SEEK_HOLE => Seek::Hole(start),
            _ => return Err(Errno::INVAL),
        };
        let offset = self.with_file(input.fh, |file| self.volume.seek(file, seek))?;
        Ok(Body::of(&LseekOut { offset }))
    }

    pub(super) fn copy(&self, input: &CopyFileRangeIn) -> Result<Body, Errno> {
        self.must_be_writable()?;
        if input.flags != 0 {
            return Err(Errno::INVAL);
        }
        let (from, to) = (offset(input.off_in)?, offset(input.off_out)?);
        let length = input.len.min(MOST_COPIED) as usize;
        let count = self.with_file(input.fh_in, |source| {
            self.with_file(input.fh_out, |target| {
                self.volume.copy((source, from), (target, to), length)
            })
        })?;
        Ok(Body::of(&WriteOut {
            size: count as u32,
            padding: 0,
        }))
    }
}

/// Only regular files are ever opened: opening a pipe waits, and opening a device acts.
pub(super) fn must_be_file(kind: Kind) -> Result<(), Errno> {
    match kind {
        Kind::File => Ok(()),
        Kind::Folder => Err(Errno::ISDIR),
        Kind::Link => Err(Errno::LOOP),
        Kind::Pipe | Kind::Socket | Kind::CharacterDevice | Kind::BlockDevice => Err(Errno::ACCES),
    }
}

/// What of Linux's flags is the file server's business. The rest is the guest kernel's, or must not reach the host.
pub(super) fn open_mode(flags: u32) -> Result<OpenMode, Errno> {
    let access = flags & abi::open::ACCESS;
    if access > abi::open::READ_WRITE {
        return Err(Errno::INVAL);
    }
    Ok(OpenMode {
        read: access != abi::open::WRITE_ONLY,
        write: access != 0,
        append: flags & abi::open::APPEND != 0,
        truncate: flags & abi::open::TRUNCATE != 0,
        synchronous: flags & abi::open::DATA_SYNC != 0,
    })
}

/// Linux's offsets are signed.
fn offset(offset: u64) -> Result<u64, Errno> {
    if offset > i64::MAX as u64 {
        Err(Errno::INVAL)
    } else {
        Ok(offset)
    }
}
