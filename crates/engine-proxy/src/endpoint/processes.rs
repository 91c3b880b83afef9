//! The processes that clients come from: one handle for each, however many connections it has.

use std::{
    collections::HashMap,
    ffi::OsString,
    sync::{Arc, Weak},
};

use platform::{ClientProcess, Peer, ProcessIdentity};
use tokio::sync::OwnedSemaphorePermit;

use crate::guard::ClientIdentity;

/// Fewer entries than this are not searched for those that are over.
const FEW: usize = 64;

/// A client's process as the guard knows it.
#[derive(Debug)]
pub(super) struct Process {
    process: ClientProcess,
    /// The place among the descriptors that its handle takes.
    _place: OwnedSemaphorePermit,
}

/// Those that connections, and the guard, hold.
#[derive(Debug)]
pub(super) struct Processes {
    known: HashMap<ProcessIdentity, Weak<Process>>,
    /// How many there are when those that are over are searched for next.
    sweep_at: usize,
}

impl Processes {
    pub(super) fn new() -> Self {
        Self {
            known: HashMap::new(),
            sweep_at: FEW,
        }
    }

    /// The process of a connection that was accepted just now. It keeps `place` if its handle is a new one.
    pub(super) fn of(&mut self, peer: Peer, place: OwnedSemaphorePermit) -> Option<Arc<Process>> {
        let process = ClientProcess::of(peer)?;
        let identity = process.identity();
        if let Some(known) = self.known.get(&identity).and_then(Weak::upgrade) {
            return Some(known);
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, process| process.strong_count() > 0);
            self.sweep_at = FEW.max(2 * self.known.len());
        }
        let process = Arc::new(Process {
            process,
            _place: place,
        });
        self.known.insert(identity, Arc::downgrade(&process));
        Some(process)
    }
}

#[async_trait::async_trait]
impl ClientIdentity for Process {
    fn key(&self) -> (u32, u64) {
        let identity = self.process.identity();
        (identity.pid, identity.started)
    }

    fn arguments(&self) -> Option<Vec<OsString>> {
        self.process.arguments()
    }

    async fn exited(&self) -> Option<u32> {
        self.process.exited().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn of_connections_of_one_process_share_a_handle_and_its_place() {
        let places = Arc::new(Semaphore::new(3));
        let mut processes = Processes::new();
        let mut of_this = || {
            let peer = Peer {
                uid: None,
                pid: Some(std::process::id()),
            };
            let place = Arc::clone(&places).try_acquire_owned().unwrap();
            processes.of(peer, place).unwrap()
        };
        let connections = [of_this(), of_this(), of_this()];
        assert!(Arc::ptr_eq(&connections[0], &connections[1]));
        assert!(Arc::ptr_eq(&connections[0], &connections[2]));
        assert_eq!(places.available_permits(), 2);
        let key = connections[0].key();
        drop(connections);
        assert_eq!(places.available_permits(), 3, "nobody holds the handle any more");
        let again = of_this();
        assert_eq!(again.key(), key);
        assert_eq!(places.available_permits(), 2);
    }

    #[tokio::test]
    async fn of_an_unknown_process_takes_no_place() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let peer = Peer { uid: None, pid: None };
        assert!(Processes::new().of(peer, place).is_none());
        assert_eq!(places.available_permits(), 1);
    }
}
