//! What the server asks of a host folder.
//!
//! A node is a handle of one file, folder or link. It goes on meaning the same one when that is renamed or unlinked, and
//! no method takes a path: only a handle, or a handle of a folder and one [`Name`] in it.

use crate::{Errno, Name};

/// A host folder. Every method may be called from several threads at once and may block on the host's file system.
pub trait Volume: Send + Sync + 'static {
    /// A file, folder, link or special file, whatever it is called now.
    type Node: Send + Sync;
    /// A regular file opened for reading or writing.
    type File: Send + Sync;
    /// A folder opened for listing.
    type Folder: Send;
    /// Holds the locks that one owner in the guest has on one file. Dropping it gives them back.
    type Locks: Send + Sync;

    /// How many nodes and open files this process can bear beside its other work.
    fn descriptors(&self) -> usize;
    /// Whether `a` and `A` are two names.
    fn is_case_sensitive(&self) -> bool;

    /// The folder itself.
    fn root(&self) -> Result<Found<Self::Node>, Errno>;
    /// Looks one name up. A link is found, never followed.
    fn find(&self, folder: &Self::Node, name: &Name) -> Result<Found<Self::Node>, Errno>;
    /// Reads what is known about a node.
    fn metadata(&self, node: &Self::Node) -> Result<Metadata, Errno>;
    /// Reads where a link points, as written.
    fn read_link(&self, node: &Self::Node) -> Result<Vec<u8>, Errno>;

    /// Makes a regular file and opens it. `EEXIST` when there is something of that name already.
    fn create(
        &self,
        folder: &Self::Node,
        name: &Name,
        mode: OpenMode,
        permissions: u32,
    ) -> Result<(Found<Self::Node>, Self::File), Errno>;
    /// Makes an empty folder.
    fn make_folder(
        &self,
        folder: &Self::Node,
        name: &Name,
        permissions: u32,
    ) -> Result<Found<Self::Node>, Errno>;
    /// Makes a symbolic link.
    fn make_link(&self, folder: &Self::Node, name: &Name, target: &[u8]) -> Result<Found<Self::Node>, Errno>;
    /// Makes a socket or a pipe of that name. `EPERM` for devices.
    fn make_special(
        &self,
        folder: &Self::Node,
        name: &Name,
        kind: Kind,
        permissions: u32,
    ) -> Result<Found<Self::Node>, Errno>;
    /// Gives a node another name.
    fn hard_link(&self, node: &Self::Node, folder: &Self::Node, name: &Name) -> Result<(), Errno>;
    /// Removes a name of something that is no folder.
    fn remove(&self, folder: &Self::Node, name: &Name) -> Result<(), Errno>;
    /// Removes an empty folder.
    fn remove_folder(&self, folder: &Self::Node, name: &Name) -> Result<(), Errno>;
    /// Moves a name.
    fn rename(
        &self,
        from: (&Self::Node, &Name),
        to: (&Self::Node, &Name),
        mode: RenameMode,
    ) -> Result<(), Errno>;

    /// Sets the permission bits; never set-user-id or set-group-id, which only the guest gets to see.
    fn set_permissions(&self, node: &Self::Node, permissions: u32) -> Result<(), Errno>;
    /// Cuts or lengthens a regular file, through `file` where the guest has it open.
    fn set_size(&self, node: &Self::Node, file: Option<&Self::File>, size: u64) -> Result<(), Errno>;
    /// Sets the times of access and modification.
    fn set_times(&self, node: &Self::Node, accessed: TimeChange, modified: TimeChange) -> Result<(), Errno>;

    /// Opens a regular file. The caller has checked that it is one.
    fn open(&self, node: &Self::Node, mode: OpenMode) -> Result<Self::File, Errno>;
    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    fn read(&self, file: &Self::File, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno>;
    /// Writes all bytes, or says how many could be written.
    fn write(&self, file: &Self::File, offset: u64, bytes: &[u8]) -> Result<usize, Errno>;
    /// Waits until the file is on the disk; only its bytes when `data_only`.
    fn sync(&self, file: &Self::File, data_only: bool) -> Result<(), Errno>;
    /// Linux's `fallocate` with Linux's mode bits. `EOPNOTSUPP` where the host has no such thing.
    fn allocate(&self, file: &Self::File, mode: u32, offset: u64, length: u64) -> Result<(), Errno>;
    /// Finds the next data or hole. `ENXIO` beyond the end.
    fn seek(&self, file: &Self::File, seek: Seek) -> Result<u64, Errno>;
    /// Copies inside the host. `EOPNOTSUPP` or `EXDEV` where it cannot; the guest's kernel then copies itself.
    fn copy(&self, from: (&Self::File, u64), to: (&Self::File, u64), length: usize) -> Result<usize, Errno>;

    /// Opens a folder for listing.
    fn open_folder(&self, node: &Self::Node) -> Result<Self::Folder, Errno>;
    /// Calls `take` with the entries behind `offset`, 0 being the start, until it returns false. `.` and `..` included.
    fn list(
        &self,
        folder: &mut Self::Folder,
        offset: u64,
        take: &mut dyn FnMut(DirectoryEntry<'_>) -> bool,
    ) -> Result<(), Errno>;
    /// Waits until the folder's entries are on the disk.
    fn sync_folder(&self, folder: &Self::Folder) -> Result<(), Errno>;

    /// Reads an extended attribute.
    fn xattr(&self, node: &Self::Node, name: &[u8]) -> Result<Vec<u8>, Errno>;
    /// Writes an extended attribute.
    fn set_xattr(&self, node: &Self::Node, name: &[u8], value: &[u8], mode: XattrMode) -> Result<(), Errno>;
    /// The names of all extended attributes.
    fn xattrs(&self, node: &Self::Node) -> Result<Vec<Vec<u8>>, Errno>;
    /// Removes an extended attribute.
    fn remove_xattr(&self, node: &Self::Node, name: &[u8]) -> Result<(), Errno>;

    /// How full the file system is.
    fn statistics(&self) -> Result<Statistics, Errno>;

    /// Starts holding locks of one owner.
    fn open_locks(&self, node: &Self::Node) -> Result<Self::Locks, Errno>;
    /// Takes, changes or gives back a lock without waiting. `EAGAIN` when somebody else has it.
    fn lock(&self, locks: &Self::Locks, space: LockSpace, lock: FileLock) -> Result<(), Errno>;
    /// The lock that stands in the way of `lock`, or one of kind [`LockKind::Unlocked`].
    fn probe_lock(&self, locks: &Self::Locks, lock: FileLock) -> Result<FileLock, Errno>;
}

/// A node that was just looked up, and what it is.
#[derive(Debug)]
pub struct Found<N> {
    /// The handle.
    pub node: N,
    /// Read from the handle.
    pub metadata: Metadata,
}

/// What tells one file from all others for as long as a handle of it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeKey {
    /// The host's number of the file system.
    pub device: u64,
    /// The number of the file in it.
    pub inode: u64,
}

/// What something in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Pipe,
    /// A Unix socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
}

impl Kind {
    /// Linux's mask of the kind in a mode.
    const MASK: u32 = 0o170_000;

    /// The kind in a Linux mode.
    pub fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & Self::MASK {
            0o100_000 => Self::File,
            0o040_000 => Self::Folder,
            0o120_000 => Self::Link,
            0o010_000 => Self::Pipe,
            0o140_000 => Self::Socket,
            0o020_000 => Self::CharacterDevice,
            0o060_000 => Self::BlockDevice,
            _ => return None,
        })
    }

    /// Its bits in a Linux mode.
    pub fn mode(self) -> u32 {
        match self {
            Self::File => 0o100_000,
            Self::Folder => 0o040_000,
            Self::Link => 0o120_000,
            Self::Pipe => 0o010_000,
            Self::Socket => 0o140_000,
            Self::CharacterDevice => 0o020_000,
            Self::BlockDevice => 0o060_000,
        }
    }

    /// The type in a directory entry: the same bits, shifted.
    pub fn entry_type(self) -> u32 {
        self.mode() >> 12
    }
}

/// A moment, as Linux says it: the seconds may be negative, the nanoseconds go forward from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// What happens to one of a file's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeChange {
    /// Nothing.
    Keep,
    /// The host's present time.
    Now,
    /// This one.
    To(Time),
}

/// What is known about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Which file.
    pub key: NodeKey,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with the sticky bit, as the host has them.
    pub permissions: u32,
    /// Bytes.
    pub size: u64,
    /// Blocks of 512 bytes on the disk.
    pub blocks: u64,
    /// Best size of a read, in bytes.
    pub block_size: u32,
    /// Names that lead to it.
    pub links: u32,
    /// Last read.
    pub accessed: Time,
    /// Last change of its bytes.
    pub modified: Time,
    /// Last change of anything.
    pub changed: Time,
}

/// How a regular file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenMode {
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// Every write goes to the end.
    pub append: bool,
    /// Emptied at once.
    pub truncate: bool,
    /// Every write is on the disk when it is answered.
    pub synchronous: bool,
}

/// What a rename does with something that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameMode {
    /// It goes.
    Replace,
    /// It stays, and the rename fails with `EEXIST`.
    NoReplace,
    /// Both change places.
    Exchange,
}

/// What is looked for in a file with holes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// Bytes, from this offset on.
    Data(u64),
    /// A hole, from this offset on; the end of the file is one.
    Hole(u64),
}

/// What a write of an extended attribute does with one that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XattrMode {
    /// Makes or replaces it.
    Set,
    /// `EEXIST` when there is one.
    Create,
    /// `ENODATA` when there is none.
    Replace,
}

/// An entry of a folder while it is listed.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryEntry<'a> {
    /// Its name, which may be one that is no [`Name`].
    pub name: &'a [u8],
    /// The number of the file; only for show.
    pub inode: u64,
    /// What it is, where the host tells without a look.
    pub kind: Option<Kind>,
    /// Where the listing goes on behind it.
    pub next: u64,
}

/// How full a file system is. In units of `fragment_bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// All.
    pub blocks: u64,
    /// Free.
    pub free: u64,
    /// Free for the host user.
    pub available: u64,
    /// How many files there can be.
    pub files: u64,
    /// How many more.
    pub free_files: u64,
    /// The unit.
    pub fragment_bytes: u32,
    /// Best size of a transfer.
    pub block_bytes: u32,
}

/// Which of Linux's two independent kinds of lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockSpace {
    /// `fcntl`: ranges of bytes, owned by a process.
    Ranges,
    /// `flock`: whole files, owned by an open file.
    Whole,
}

/// Who else may lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Others may share it.
    Shared,
    /// Nobody else may.
    Exclusive,
    /// No lock: given back, or none in the way.
    Unlocked,
}

/// A lock on a range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLock {
    /// Who else may.
    pub kind: LockKind,
    /// First byte.
    pub start: u64,
    /// Last byte, included; [`FileLock::TO_THE_END`] for all that come.
    pub end: u64,
}

impl FileLock {
    /// Linux's `OFFSET_MAX`.
    pub const TO_THE_END: u64 = i64::MAX as u64;
}
