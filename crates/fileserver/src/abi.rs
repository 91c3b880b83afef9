//! FUSE's messages as they lie in memory, from the kernel's `include/uapi/linux/fuse.h` (protocol 7.31 to 7.45).
//!
//! Numbers are little-endian as on every machine that Pinnace boots and every host that it runs on. Fields that are
//! never read keep their places.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The major version there has been since 2006.
pub const MAJOR: u32 = 7;
/// The newest minor version that this server was written against.
pub const MINOR: u32 = 45;
/// The oldest that has everything needed: `FUSE_MAX_PAGES`, `FUSE_CACHE_SYMLINKS`, `FUSE_COPY_FILE_RANGE`.
pub const OLDEST_MINOR: u32 = 31;
/// The share's own folder.
pub const ROOT_ID: u64 = 1;

/// Most bytes of a file in one request or answer.
pub const MOST_DATA: usize = 1 << 20;
/// The kernel's unit in `max_pages`.
pub const PAGE: usize = 4096;
/// The longest request: the data, the headers before it, and a page because the kernel pads.
pub const MOST_REQUEST: usize = MOST_DATA + PAGE;
/// The longest value of an extended attribute that Linux has.
pub const MOST_XATTR: usize = 65_536;
/// The longest target of a symbolic link.
pub const MOST_TARGET: usize = 4095;

/// Flags of INIT, the lower 32.
pub mod init {
    pub const ASYNC_READ: u32 = 1 << 0;
    pub const POSIX_LOCKS: u32 = 1 << 1;
    pub const ATOMIC_O_TRUNC: u32 = 1 << 3;
    pub const BIG_WRITES: u32 = 1 << 5;
    pub const FLOCK_LOCKS: u32 = 1 << 10;
    pub const AUTO_INVAL_DATA: u32 = 1 << 12;
    pub const DO_READDIRPLUS: u32 = 1 << 13;
    pub const READDIRPLUS_AUTO: u32 = 1 << 14;
    pub const ASYNC_DIO: u32 = 1 << 15;
    pub const PARALLEL_DIROPS: u32 = 1 << 18;
    pub const MAX_PAGES: u32 = 1 << 22;
    pub const CACHE_SYMLINKS: u32 = 1 << 23;
    pub const HANDLE_KILLPRIV_V2: u32 = 1 << 28;
    pub const INIT_EXT: u32 = 1 << 30;
}

/// Which fields of SETATTR count.
pub mod set {
    pub const MODE: u32 = 1 << 0;
    pub const UID: u32 = 1 << 1;
    pub const GID: u32 = 1 << 2;
    pub const SIZE: u32 = 1 << 3;
    pub const ATIME: u32 = 1 << 4;
    pub const MTIME: u32 = 1 << 5;
    pub const FH: u32 = 1 << 6;
    pub const ATIME_NOW: u32 = 1 << 7;
    pub const MTIME_NOW: u32 = 1 << 8;
    pub const KILL_SUIDGID: u32 = 1 << 11;
}

pub const WRITE_KILL_SUIDGID: u32 = 1 << 2;
pub const OPEN_KILL_SUIDGID: u32 = 1 << 0;
pub const FOPEN_KEEP_CACHE: u32 = 1 << 1;
pub const FSYNC_DATA_ONLY: u32 = 1 << 0;
pub const RELEASE_FLOCK_UNLOCK: u32 = 1 << 1;
pub const LOCK_FLOCK: u32 = 1 << 0;

/// Linux's `open` flags, which are the same on x86-64 and arm64 as far as they are here.
pub mod open {
    pub const ACCESS: u32 = 0o3;
    pub const WRITE_ONLY: u32 = 0o1;
    pub const READ_WRITE: u32 = 0o2;
    pub const EXCLUSIVE: u32 = 0o200;
    pub const TRUNCATE: u32 = 0o1000;
    pub const APPEND: u32 = 0o2000;
    pub const DATA_SYNC: u32 = 0o10000;
}

/// Linux's lock types.
pub mod lock {
    pub const READ: u32 = 0;
    pub const WRITE: u32 = 1;
    pub const UNLOCK: u32 = 2;
}

/// Unsolicited messages: in the place of an error, with `unique` 0.
pub mod notify {
    pub const INVAL_INODE: i32 = 2;
    pub const INVAL_ENTRY: i32 = 3;
    pub const DELETE: i32 = 6;
    /// Every name is to be looked up anew. Since [`INC_EPOCH_MINOR`].
    pub const INC_EPOCH: i32 = 8;
    pub const INC_EPOCH_MINOR: u32 = 44;
}

/// What the guest agent adds of its own between the kernel's messages; `docs/protocol.md` has them.
pub mod extension {
    /// The kernel still uses this node.
    pub const ADOPT: u32 = 0x5000;
    /// Which thread replays the host's changes.
    pub const REPLAYER: u32 = 0x5001;
    /// A replay was carried out.
    pub const REPLAYED: u32 = 0x5002;
    /// A change on the host, to be done once more: in the place of an error, with `unique` 0.
    pub const REPLAY: i32 = 0x5000;
    /// The longest path of a node that is adopted: Linux's `PATH_MAX`.
    pub const MOST_PATH: usize = 4096;
}

macro_rules! opcodes {
    ($($name:ident = $number:literal,)*) => {
        /// What a request asks for.
        pub mod opcode {
            $(pub const $name: u32 = $number;)*
        }
    };
}

opcodes! {
    LOOKUP = 1, FORGET = 2, GETATTR = 3, SETATTR = 4, READLINK = 5, SYMLINK = 6, MKNOD = 8, MKDIR = 9, UNLINK = 10,
    RMDIR = 11, RENAME = 12, LINK = 13, OPEN = 14, READ = 15, WRITE = 16, STATFS = 17, RELEASE = 18, FSYNC = 20,
    SETXATTR = 21, GETXATTR = 22, LISTXATTR = 23, REMOVEXATTR = 24, FLUSH = 25, INIT = 26, OPENDIR = 27, READDIR = 28,
    RELEASEDIR = 29, FSYNCDIR = 30, GETLK = 31, SETLK = 32, SETLKW = 33, CREATE = 35, INTERRUPT = 36, DESTROY = 38,
    BATCH_FORGET = 42, FALLOCATE = 43, READDIRPLUS = 44, RENAME2 = 45, LSEEK = 46, COPY_FILE_RANGE = 47,
}

/// Declares messages: each is plain memory without padding.
macro_rules! messages {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
        pub struct $name {
            $(pub $field: $type,)*
        }
    )*};
}

messages! {
    InHeader { len: u32, opcode: u32, unique: u64, nodeid: u64, uid: u32, gid: u32, pid: u32, total_extlen: u16, padding: u16, }
    OutHeader { len: u32, error: i32, unique: u64, }

    Attr {
        ino: u64, size: u64, blocks: u64, atime: u64, mtime: u64, ctime: u64, atimensec: u32, mtimensec: u32, ctimensec: u32,
        mode: u32, nlink: u32, uid: u32, gid: u32, rdev: u32, blksize: u32, flags: u32,
    }
    EntryOut {
        nodeid: u64, generation: u64, entry_valid: u64, attr_valid: u64, entry_valid_nsec: u32, attr_valid_nsec: u32, attr: Attr,
    }
    AttrOut { attr_valid: u64, attr_valid_nsec: u32, dummy: u32, attr: Attr, }
    OpenOut { fh: u64, open_flags: u32, padding: u32, }
    WriteOut { size: u32, padding: u32, }
    StatfsOut {
        blocks: u64, bfree: u64, bavail: u64, files: u64, ffree: u64, bsize: u32, namelen: u32, frsize: u32, padding: u32,
        spare: [u32; 6],
    }
    GetxattrOut { size: u32, padding: u32, }
    LseekOut { offset: u64, }
    /// An entry of a folder; the name follows, and zeros up to a multiple of eight bytes.
    Dirent { ino: u64, off: u64, namelen: u32, kind: u32, }
    NotifyInode { ino: u64, off: i64, len: i64, }
    NotifyEntry { parent: u64, namelen: u32, flags: u32, }
    NotifyDelete { parent: u64, child: u64, namelen: u32, padding: u32, }

    InitIn { major: u32, minor: u32, max_readahead: u32, flags: u32, }
    InitOut {
        major: u32, minor: u32, max_readahead: u32, flags: u32, max_background: u16, congestion_threshold: u16, max_write: u32,
        time_gran: u32, max_pages: u16, map_alignment: u16, flags2: u32, unused: [u32; 7],
    }
    ForgetIn { nlookup: u64, }
    BatchForgetIn { count: u32, dummy: u32, }
    ForgetOne { nodeid: u64, nlookup: u64, }
    InterruptIn { unique: u64, }
    GetattrIn { getattr_flags: u32, dummy: u32, fh: u64, }
    SetattrIn {
        valid: u32, padding: u32, fh: u64, size: u64, lock_owner: u64, atime: u64, mtime: u64, ctime: u64, atimensec: u32,
        mtimensec: u32, ctimensec: u32, mode: u32, unused4: u32, uid: u32, gid: u32, unused5: u32,
    }
    MknodIn { mode: u32, rdev: u32, umask: u32, padding: u32, }
    MkdirIn { mode: u32, umask: u32, }
    RenameIn { newdir: u64, }
    Rename2In { newdir: u64, flags: u32, padding: u32, }
    LinkIn { oldnodeid: u64, }
    OpenIn { flags: u32, open_flags: u32, }
    CreateIn { flags: u32, mode: u32, umask: u32, open_flags: u32, }
    ReleaseIn { fh: u64, flags: u32, release_flags: u32, lock_owner: u64, }
    FlushIn { fh: u64, unused: u32, padding: u32, lock_owner: u64, }
    ReadIn { fh: u64, offset: u64, size: u32, read_flags: u32, lock_owner: u64, flags: u32, padding: u32, }
    WriteIn { fh: u64, offset: u64, size: u32, write_flags: u32, lock_owner: u64, flags: u32, padding: u32, }
    FsyncIn { fh: u64, fsync_flags: u32, padding: u32, }
    SetxattrIn { size: u32, flags: u32, }
    GetxattrIn { size: u32, padding: u32, }
    LockRange { start: u64, end: u64, kind: u32, pid: u32, }
    LkIn { fh: u64, owner: u64, lk: LockRange, lk_flags: u32, padding: u32, }
    FallocateIn { fh: u64, offset: u64, length: u64, mode: u32, padding: u32, }
    LseekIn { fh: u64, offset: u64, whence: u32, padding: u32, }
    CopyFileRangeIn { fh_in: u64, off_in: u64, nodeid_out: u64, fh_out: u64, off_out: u64, len: u64, flags: u64, }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::*;

    #[test]
    fn sizes_are_the_kernels() {
        let sizes = [
            (size_of::<InHeader>(), 40),
            (size_of::<OutHeader>(), 16),
            (size_of::<Attr>(), 88),
            (size_of::<EntryOut>(), 128),
            (size_of::<AttrOut>(), 104),
            (size_of::<StatfsOut>(), 80),
            (size_of::<InitOut>(), 64),
            (size_of::<SetattrIn>(), 88),
            (size_of::<ReadIn>(), 40),
            (size_of::<WriteIn>(), 40),
            (size_of::<LkIn>(), 48),
            (size_of::<CopyFileRangeIn>(), 56),
            (size_of::<Dirent>(), 24),
        ];
        for (ours, kernels) in sizes {
            assert_eq!(ours, kernels);
        }
    }
}
