//! What the guest has open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Errno, LockSpace, Volume, numbers};

/// An open file or folder.
pub enum Handle<V: Volume> {
    File(V::File),
    /// Listings have a position, so one request at a time.
    Folder(Mutex<V::Folder>),
}

/// All of them. Numbers are never used twice, nor are those of an earlier server.
pub struct HandleTable<V: Volume> {
    state: Mutex<State<V>>,
    most: usize,
}

struct State<V: Volume> {
    open: HashMap<u64, Arc<Handle<V>>>,
    locks: HashMap<LockKey, Arc<V::Locks>>,
    next: u64,
}

/// Whose locks on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LockKey {
    pub node: u64,
    /// The guest's number of the owner.
    pub owner: u64,
    pub space: LockSpace,
}

impl<V: Volume> HandleTable<V> {
    pub fn new(most: usize) -> Self {
        let state = State {
            open: HashMap::new(),
            locks: HashMap::new(),
            next: numbers::random_start(),
        };
        Self {
            state: Mutex::new(state),
            most,
        }
    }

    /// Keeps a handle and returns its number. `ENFILE` when no more can be borne.
    pub fn insert(&self, handle: Handle<V>) -> Result<u64, Errno> {
        let mut state = self.state();
        if state.is_full(self.most) {
            return Err(Errno::NFILE);
        }
        let id = state.next;
        state.next += 1;
        state.open.insert(id, Arc::new(handle));
        Ok(id)
    }

    /// The handle of this number. `ESTALE` when there is none: a program in the guest has it open still, from before this
    /// server began. Its descriptor is not bad (`EBADF` would accuse the program), the file behind it is lost, as with a
    /// file server of any other kind. The kernel gives either number to the program and tries nothing by itself.
    pub fn get(&self, id: u64) -> Result<Arc<Handle<V>>, Errno> {
        self.state().open.get(&id).cloned().ok_or(Errno::STALE)
    }

    pub fn remove(&self, id: u64) {
        let removed = self.state().open.remove(&id);
        // Closed here, with the table free for others.
        drop(removed);
    }

    /// The locks of this owner, or new ones that `open` opens. `ENOLCK` when no more can be borne.
    pub fn locks(
        &self,
        key: LockKey,
        open: impl FnOnce() -> Result<V::Locks, Errno>,
    ) -> Result<Arc<V::Locks>, Errno> {
        let mut state = self.state();
        if let Some(locks) = state.locks.get(&key) {
            return Ok(Arc::clone(locks));
        }
        if state.is_full(self.most) {
            return Err(Errno::NOLCK);
        }
        let locks = Arc::new(open()?);
        state.locks.insert(key, Arc::clone(&locks));
        Ok(locks)
    }

    /// Gives all locks of an owner on a file back. Whether there were any.
    pub fn release_locks(&self, key: LockKey) -> bool {
        let removed = self.state().locks.remove(&key);
        removed.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Volume> State<V> {
    fn is_full(&self, most: usize) -> bool {
        self.open.len() + self.locks.len() >= most
    }
}
