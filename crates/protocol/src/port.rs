//! The number of each service on the link.

use serde::{Deserialize, Serialize};

/// A service on the link: what a stream is for. Not a TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkPort(pub u16);

impl LinkPort {
    /// Requests, replies and events, on the control lane. One stream for the life of a lane session.
    pub const CONTROL: Self = Self(1);
    /// The engine's API, byte for byte: the guest joins the stream to dockerd's socket. Data lane.
    pub const ENGINE: Self = Self(10);
    /// A shell in the machine. Data lane; begins with a [`StreamHead::Shell`](crate::StreamHead::Shell) frame.
    pub const SHELL: Self = Self(11);
    /// Text of one log. Data lane; begins with a [`StreamHead::Logs`](crate::StreamHead::Logs) frame.
    pub const LOGS: Self = Self(12);
    /// One end of a forward. Data lane; begins with a [`StreamHead::Forward`](crate::StreamHead::Forward) frame.
    pub const FORWARD: Self = Self(13);
    /// One share. Files lane; begins with a [`StreamHead::Share`](crate::StreamHead::Share) frame.
    pub const SHARE: Self = Self(20);
    /// What is published, as [`PublicationFrame`](crate::PublicationFrame)s and
    /// [`PublicationAnswer`](crate::PublicationAnswer)s. Control lane, one stream at a time: a new one takes over.
    pub const PUBLICATIONS: Self = Self(2);
}

impl std::fmt::Display for LinkPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
