//! Locks among the guest's programs.
//!
//! Windows' own locks are no match for Linux's: they stop reads and writes of everybody else, so that a program in the
//! guest that locks a file and then writes it through another descriptor would wait for itself; and they cannot be split.
//! So this process keeps the guest's locks, as the kernel of Linux would. A lock of a program on the host still stops the
//! guest's reads and writes, with `EAGAIN`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Errno, FileLock, LockKind, LockSpace, NodeKey};

/// More ranges of one file are refused with `ENOLCK`: every lock looks at all of them.
const MOST_RANGES: usize = 4096;

/// All locks on a share.
#[derive(Debug, Default)]
pub struct LockTable {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<NodeKey, Vec<Held>>,
    next_owner: u64,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    owner: u64,
    space: LockSpace,
    lock: FileLock,
}

/// The locks of one owner on one file.
#[derive(Debug)]
pub struct Owned {
    table: Arc<LockTable>,
    key: NodeKey,
    owner: u64,
}

impl LockTable {
    /// Starts holding locks of one owner.
    pub fn open(self: &Arc<Self>, key: NodeKey) -> Owned {
        let mut state = self.state();
        state.next_owner += 1;
        Owned {
            table: Arc::clone(self),
            key,
            owner: state.next_owner,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owned {
    /// Takes, changes or gives back a lock. `EAGAIN` when somebody else has it.
    pub fn set(&self, space: LockSpace, lock: FileLock) -> Result<(), Errno> {
        let mut state = self.table.state();
        let held = state.files.entry(self.key).or_default();
        let result = if self.in_the_way(held, space, lock).is_some() {
            Err(Errno::AGAIN)
        } else {
            self.replace(held, space, lock)
        };
        if held.is_empty() {
            state.files.remove(&self.key);
        }
        result
    }

    /// The lock of somebody else that stands in the way, or one of kind [`LockKind::Unlocked`].
    pub fn probe(&self, space: LockSpace, lock: FileLock) -> FileLock {
        let state = self.table.state();
        let held = state.files.get(&self.key).map_or(&[][..], Vec::as_slice);
        self.in_the_way(held, space, lock).unwrap_or(FileLock {
            kind: LockKind::Unlocked,
            ..lock
        })
    }

    fn in_the_way(&self, held: &[Held], space: LockSpace, lock: FileLock) -> Option<FileLock> {
        let stands = |held: &&Held| {
            held.owner != self.owner
                && held.space == space
                && overlap(held.lock, lock)
                && match lock.kind {
                    LockKind::Unlocked => false,
                    LockKind::Shared => held.lock.kind == LockKind::Exclusive,
                    LockKind::Exclusive => true,
                }
        };
        held.iter().find(stands).map(|held| held.lock)
    }

    /// Puts a lock in the place of what the owner has of that range.
    fn replace(&self, held: &mut Vec<Held>, space: LockSpace, lock: FileLock) -> Result<(), Errno> {
        // At worst one range is split in two and the new one comes along.
        if lock.kind != LockKind::Unlocked && held.len() + 2 > MOST_RANGES {
            return Err(Errno::NOLCK);
        }
        let is_touched =
            |held: &Held| held.owner == self.owner && held.space == space && overlap(held.lock, lock);
        let touched: Vec<Held> = held.extract_if(.., |held| is_touched(held)).collect();
        for old in touched {
            let (start, end) = (old.lock.start, old.lock.end);
            let mut keep = |start, end| {
                let lock = FileLock {
                    start,
                    end,
                    ..old.lock
                };
                held.push(Held { lock, ..old });
            };
            if start < lock.start {
                keep(start, lock.start - 1);
            }
            if end > lock.end {
                keep(lock.end + 1, end);
            }
        }
        if lock.kind != LockKind::Unlocked {
            held.push(Held {
                owner: self.owner,
                space,
                lock,
            });
        }
        Ok(())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let mut state = self.table.state();
        if let Some(held) = state.files.get_mut(&self.key) {
            held.retain(|held| held.owner != self.owner);
            if held.is_empty() {
                state.files.remove(&self.key);
            }
        }
    }
}

fn overlap(first: FileLock, second: FileLock) -> bool {
    first.start <= second.end && second.start <= first.end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: NodeKey = NodeKey { device: 1, inode: 2 };
    const RANGES: LockSpace = LockSpace::Ranges;

    fn lock(kind: LockKind, start: u64, end: u64) -> FileLock {
        FileLock { kind, start, end }
    }

    #[test]
    fn set_shared_locks_share_and_exclusive_ones_do_not() {
        let table = Arc::new(LockTable::default());
        let (first, second) = (table.open(KEY), table.open(KEY));
        first.set(RANGES, lock(LockKind::Shared, 0, 9)).unwrap();
        second.set(RANGES, lock(LockKind::Shared, 5, 20)).unwrap();
        let wanted = lock(LockKind::Exclusive, 0, 4);
        second.set(RANGES, wanted).unwrap_err();
        assert_eq!(second.probe(RANGES, wanted), lock(LockKind::Shared, 0, 9));
        // What it has to itself it may change.
        second.set(RANGES, lock(LockKind::Exclusive, 10, 20)).unwrap();
        assert_eq!(
            first.probe(RANGES, lock(LockKind::Shared, 10, 10)).kind,
            LockKind::Exclusive
        );
    }

    #[test]
    fn set_giving_back_the_middle_leaves_both_ends() {
        let table = Arc::new(LockTable::default());
        let (first, second) = (table.open(KEY), table.open(KEY));
        first
            .set(RANGES, lock(LockKind::Exclusive, 0, FileLock::TO_THE_END))
            .unwrap();
        first.set(RANGES, lock(LockKind::Unlocked, 10, 19)).unwrap();
        second.set(RANGES, lock(LockKind::Exclusive, 10, 19)).unwrap();
        for place in [9, 20] {
            let wanted = lock(LockKind::Shared, place, place);
            assert_eq!(second.set(RANGES, wanted), Err(Errno::AGAIN));
        }
    }

    #[test]
    fn set_files_and_spaces_are_apart() {
        let table = Arc::new(LockTable::default());
        let all = lock(LockKind::Exclusive, 0, FileLock::TO_THE_END);
        let (first, second) = (table.open(KEY), table.open(KEY));
        let other = table.open(NodeKey { inode: 3, ..KEY });
        first.set(RANGES, all).unwrap();
        second.set(LockSpace::Whole, all).unwrap();
        other.set(RANGES, all).unwrap();
    }

    #[test]
    fn drop_gives_back_and_leaves_nothing() {
        let table = Arc::new(LockTable::default());
        let all = lock(LockKind::Exclusive, 0, FileLock::TO_THE_END);
        let (first, second) = (table.open(KEY), table.open(KEY));
        first.set(RANGES, all).unwrap();
        assert_eq!(second.set(RANGES, all), Err(Errno::AGAIN));
        drop(first);
        second.set(RANGES, all).unwrap();
        drop(second);
        assert!(table.state().files.is_empty());
    }

    #[test]
    fn set_ranges_are_bounded() {
        let table = Arc::new(LockTable::default());
        let owned = table.open(KEY);
        let result = (0..=MOST_RANGES as u64)
            .try_for_each(|index| owned.set(RANGES, lock(LockKind::Shared, index * 2, index * 2)));
        assert_eq!(result, Err(Errno::NOLCK));
        owned
            .set(RANGES, lock(LockKind::Unlocked, 0, FileLock::TO_THE_END))
            .unwrap();
        owned.set(RANGES, lock(LockKind::Shared, 0, 0)).unwrap();
    }

    proptest! {
        /// Against a table with one cell for each byte.
        #[test]
        fn set_each_byte_is_as_it_was_last_said(steps in proptest::collection::vec((0..2_usize, 0..3_usize, 0..12_u64, 0..12_u64), 1..30)) {
            let table = Arc::new(LockTable::default());
            let owners = [table.open(KEY), table.open(KEY)];
            let mut cells = [[LockKind::Unlocked; 12]; 2];
            for (owner, kind, a, b) in steps {
                let kind = [LockKind::Shared, LockKind::Exclusive, LockKind::Unlocked][kind];
                let (start, end) = (a.min(b), a.max(b));
                let range = start as usize..=end as usize;
                let is_free = cells[1 - owner][range.clone()].iter().all(|other| match kind {
                    LockKind::Unlocked => true,
                    LockKind::Shared => *other != LockKind::Exclusive,
                    LockKind::Exclusive => *other == LockKind::Unlocked,
                });
                let result = owners[owner].set(RANGES, lock(kind, start, end));
                prop_assert_eq!(result.is_ok(), is_free);
                if is_free {
                    cells[owner][range].fill(kind);
                }
            }
        }
    }
}
