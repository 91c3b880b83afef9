//! Locks, which programs on the host and in the guest see of each other.
//!
//! Each owner in the guest has its own open file on the host for each file it locks. The host's locks belong to open
//! files, so it keeps the owners apart, splits ranges and sees to it that nothing is left behind.

use super::Request;
use crate::{
    Errno, FileLock, LockKind, LockSpace, Volume,
    abi::{self, FlushIn, LkIn, LockRange, lock},
    handles::LockKey,
    reply::Body,
};

impl<V: Volume> Request<'_, V> {
    pub(super) fn lock(&self, input: &LkIn) -> Result<Body, Errno> {
        let space = space(input);
        let lock = requested(&input.lk)?;
        let known = self.node()?;
        super::files::must_be_file(known.kind)?;
        let locks = self.tables.handles.locks(self.key(input.owner, space), || {
            self.volume.open_locks(&known.node)
        })?;
        self.volume.lock(&locks, space, lock)?;
        Ok(Body::empty())
    }

    pub(super) fn probe_lock(&self, input: &LkIn) -> Result<Body, Errno> {
        let lock = requested(&input.lk)?;
        let known = self.node()?;
        super::files::must_be_file(known.kind)?;
        let key = self.key(input.owner, LockSpace::Ranges);
        let locks = self
            .tables
            .handles
            .locks(key, || self.volume.open_locks(&known.node))?;
        let found = self.volume.probe_lock(&locks, lock)?;
        let kind = match found.kind {
            LockKind::Shared => lock::READ,
            LockKind::Exclusive => lock::WRITE,
            LockKind::Unlocked => lock::UNLOCK,
        };
        // Whose it is cannot be said: no process of the host is one of the guest.
        Ok(Body::of(&LockRange {
            start: found.start,
            end: found.end,
            kind,
            pid: 0,
        }))
    }

    /// Somebody closed the file: what that process held on it, it holds no longer.
    pub(super) fn flush(&self, input: &FlushIn) -> Result<Body, Errno> {
        self.tables
            .handles
            .release_locks(self.key(input.lock_owner, LockSpace::Ranges));
        Ok(Body::empty())
    }

    pub(super) fn release_whole_locks(&self, owner: u64) {
        self.tables
            .handles
            .release_locks(self.key(owner, LockSpace::Whole));
    }

    fn key(&self, owner: u64, space: LockSpace) -> LockKey {
        LockKey {
            node: self.header.nodeid,
            owner,
            space,
        }
    }
}

fn space(input: &LkIn) -> LockSpace {
    if input.lk_flags & abi::LOCK_FLOCK != 0 {
        LockSpace::Whole
    } else {
        LockSpace::Ranges
    }
}

fn requested(range: &LockRange) -> Result<FileLock, Errno> {
    let kind = match range.kind {
        lock::READ => LockKind::Shared,
        lock::WRITE => LockKind::Exclusive,
        lock::UNLOCK => LockKind::Unlocked,
        _ => return Err(Errno::INVAL),
    };
    if range.start > range.end || range.end > FileLock::TO_THE_END {
        return Err(Errno::INVAL);
    }
    Ok(FileLock {
        kind,
        start: range.start,
        end: range.end,
    })
}
