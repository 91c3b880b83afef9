//! Everything that can change what the guard thinks.

use std::sync::Arc;

use super::{
    ClientIdentity, ContainerNow, CreateFacts, ProcessNow, client::Ear, session::Why, signal::Signal,
};

/// Who ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// The client closed both directions, or died.
    Client,
    /// The engine did; mostly because the container ended.
    Engine,
    /// The link was lost, or the endpoint stops: says nothing about client and container.
    Endpoint,
}

/// Who a client is, for grouping its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ClientKey {
    /// A process: its id and the time it was started.
    Process(u32, u64),
    /// All those of which nothing is known, taken for one.
    Unknown,
}

impl ClientKey {
    pub(super) fn is_known(self) -> bool {
        matches!(self, Self::Process(..))
    }

    pub(super) fn pid(self) -> Option<u32> {
        match self {
            Self::Process(pid, _) => Some(pid),
            Self::Unknown => None,
        }
    }
}

/// What the task takes in: from the relay, and from the work that it spawned itself.
pub(super) enum Input {
    /// A client made a container that is not exempt.
    Created {
        client: ClientKey,
        process: Option<Arc<dyn ClientIdentity>>,
        container: String,
        facts: Box<CreateFacts>,
    },
    /// A client made an exec.
    ExecCreated {
        client: ClientKey,
        process: Option<Arc<dyn ClientIdentity>>,
        exec: String,
        container: String,
        tty: bool,
    },
    /// A stream between a client and a container or an exec was opened.
    Attached {
        client: ClientKey,
        subject: Subject,
        attachment: u64,
        ear: Arc<Ear>,
    },
    /// That stream ended.
    Closed { attachment: u64, by: ClosedBy },
    /// The client gives no more input.
    StdinEnded { attachment: u64 },
    /// The client typed Ctrl+C.
    KeyTyped { attachment: u64 },
    /// A client had a container started.
    Started { client: ClientKey, container: String },
    /// A client had a signal sent to a container.
    Signalled {
        client: ClientKey,
        container: String,
        signal: Signal,
    },
    /// A client, whichever, had a container stopped, restarted or removed.
    StopAsked { container: String },
    /// The command line of a session's client was read: whether it passes signals on. `None`: that is not clear.
    Arguments { session: u64, passes: Option<bool> },
    /// A client's process ended.
    ClientExited { client: ClientKey, code: Option<u32> },
    /// Which container a stream is to, that was opened by a name. `None`: it could not be asked.
    Resolved {
        attachment: u64,
        container: Option<String>,
    },
    /// The answer to [`Effect::Look`](super::session::Effect::Look).
    Seen {
        session: u64,
        why: Why,
        seen: Option<Box<Seen>>,
    },
    /// What came of [`Effect::Act`](super::session::Effect::Act).
    Acted { session: u64, succeeded: bool },
}

/// What a stream is to, as the client named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A container: its id, a part of that, or its name.
    Container(String),
    /// An exec: its id.
    Exec(String),
}

/// A container and, where that was wanted and could be had, its main process, at one moment.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) container: ContainerNow,
    pub(super) process: Option<ProcessNow>,
}
