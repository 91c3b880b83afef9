//! The open terminals by token, so that a request can resize one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::pty::Pty;

/// All open terminals. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Terminals {
    open: Arc<Mutex<HashMap<u64, Pty>>>,
}

impl Terminals {
    /// Sets the size of one. `None` when there is none with that token.
    pub fn resize(&self, token: u64, columns: u16, rows: u16) -> Option<std::io::Result<()>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&token).map(|pty| pty.resize(columns, rows))
    }

    pub(super) fn insert(&self, token: u64, pty: Pty) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token, pty);
    }

    pub(super) fn remove(&self, token: u64) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&token);
    }
}
