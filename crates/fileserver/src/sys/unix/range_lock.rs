//! Locks on ranges of bytes that belong to an open file, not to this process.
#![expect(unsafe_code, reason = "rustix only knows the locks that belong to a process")]

use std::os::fd::{AsRawFd as _, OwnedFd};

use super::errno;
use crate::{Errno, FileLock, LockKind};

/// Takes, changes or gives back a lock without waiting.
pub fn set(file: &OwnedFd, lock: FileLock) -> Result<(), Errno> {
    call(file, libc::F_OFD_SETLK, lock)
        .map(|_| ())
        .map_err(|errno| match errno {
            // Systems may say either.
            Errno::ACCES => Errno::AGAIN,
            errno => errno,
        })
}

/// The lock in the way of this one.
pub fn probe(file: &OwnedFd, lock: FileLock) -> Result<FileLock, Errno> {
    call(file, libc::F_OFD_GETLK, lock)
}

fn call(file: &OwnedFd, command: libc::c_int, lock: FileLock) -> Result<FileLock, Errno> {
    // SAFETY: `flock` is a C structure of numbers; all zeros is a valid one, and what the reserved fields must be.
    let mut raw: libc::flock = unsafe { std::mem::zeroed() };
    raw.l_type = raw_kind(lock.kind);
    raw.l_whence = libc::SEEK_SET as _;
    raw.l_start = lock.start as libc::off_t;
    // Length 0 is up to the end, wherever that will be.
    raw.l_len = if lock.end >= FileLock::TO_THE_END {
        0
    } else {
        (lock.end - lock.start + 1) as libc::off_t
    };
    // SAFETY: the descriptor is open and `raw` is a `flock` that outlives the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut raw) } == -1 {
        return Err(errno::of_io(&std::io::Error::last_os_error()));
    }
    let start = raw.l_start as u64;
    let end = if raw.l_len == 0 {
        FileLock::TO_THE_END
    } else {
        start.saturating_add(raw.l_len as u64 - 1)
    };
    Ok(FileLock {
        kind: kind(raw.l_type),
        start,
        end,
    })
}

fn raw_kind(kind: LockKind) -> libc::c_short {
    match kind {
        LockKind::Shared => libc::F_RDLCK as _,
        LockKind::Exclusive => libc::F_WRLCK as _,
        LockKind::Unlocked => libc::F_UNLCK as _,
    }
}

fn kind(raw: libc::c_short) -> LockKind {
    if raw == raw_kind(LockKind::Shared) {
        LockKind::Shared
    } else if raw == raw_kind(LockKind::Exclusive) {
        LockKind::Exclusive
    } else {
        LockKind::Unlocked
    }
}
