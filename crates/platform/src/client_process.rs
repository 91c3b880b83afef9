//! The process at the other end of a connection: who it is, how it was called, and when it ends.
//!
//! A handle is taken as soon as the connection is there and kept: a process's number is given to another one after its
//! end, a handle is not. (A pidfd on Linux, a kqueue on macOS, a process handle on Windows.)

use std::{
    ffi::OsString,
    sync::{Arc, OnceLock},
};

use crate::{Peer, sys::os};

/// A process that connected to us. Clones share one handle.
#[derive(Clone, Debug)]
pub struct ClientProcess(Arc<Held>);

#[derive(Debug)]
struct Held {
    identity: ProcessIdentity,
    process: os::client_process::Process,
    arguments: OnceLock<Option<Vec<OsString>>>,
}

/// Which process of this boot of the host. Two connections with equal identities come from one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessIdentity {
    /// Its number.
    pub pid: u32,
    /// When it started, in the unit and from the moment that the OS counts from. Only good for comparing.
    pub started: u64,
}

impl ClientProcess {
    /// Takes hold of a connection's peer. Call it on a tokio runtime, at once after the connection was accepted: a
    /// process that ended before may have left its number to another one.
    ///
    /// `None` when the OS does not tell the peer's process, or when that is gone.
    pub fn of(peer: Peer) -> Option<Self> {
        let pid = peer.pid?;
        match os::client_process::Process::open(pid) {
            Ok(Some((process, started))) => Some(Self(Arc::new(Held {
                identity: ProcessIdentity { pid, started },
                process,
                arguments: OnceLock::new(),
            }))),
            Ok(None) => None,
            Err(error) => {
                tracing::debug!(pid, %error, "client's process unknown");
                None
            }
        }
    }

    /// Which process it is.
    pub fn identity(&self) -> ProcessIdentity {
        self.0.identity
    }

    /// Its command line, the program's name first; at most the first 64 KiB of it. Read at the first call, and the same
    /// at every later one.
    ///
    /// `None` where the OS does not tell, or when the process has ended before.
    pub fn arguments(&self) -> Option<Vec<OsString>> {
        let Held {
            identity,
            process,
            arguments,
        } = &*self.0;
        arguments.get_or_init(|| process.arguments(identity.pid)).clone()
    }

    /// Resolves when the process has ended; at once when it had ended before. Cancel safe, and any number may wait.
    ///
    /// Gives its exit code where the OS tells it to strangers: on Windows always, on macOS if it may be signalled by us
    /// (128 plus the signal's number if a signal ended it), on Linux never.
    pub async fn exited(&self) -> Option<u32> {
        self.0.process.exited().await
    }
}

#[cfg(all(test, unix))]
mod tests;
