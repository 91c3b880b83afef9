//! The lanes, their names on every carrier, and what is known about one.

/// One of the long-lived byte streams of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Requests, replies and events.
    Control,
    /// The engine's API, shells, logs, forwarded ports.
    Data,
    /// The file server's requests.
    Files,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 3] = [Self::Control, Self::Data, Self::Files];

    /// A stable name: `control`, `data`, `files`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Data => "data",
            Self::Files => "files",
        }
    }

    /// The name of its virtio-serial port.
    pub const fn port_name(self) -> &'static str {
        match self {
            Self::Control => "pinnace.control",
            Self::Data => "pinnace.data",
            Self::Files => "pinnace.files",
        }
    }

    /// The vsock port on which the guest listens for it.
    pub const fn vsock_port(self) -> u32 {
        match self {
            Self::Control => 5101,
            Self::Data => 5102,
            Self::Files => 5103,
        }
    }
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One of the two ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The host agent's end.
    Host,
    /// The guest agent's end.
    Guest,
}

/// What is known about a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// It has no session. It comes up by itself.
    Down {
        /// Why, in words.
        reason: String,
    },
    /// Streams can be dialled.
    Up {
        /// Names the session; both ends have the same number, and it is another one after every loss.
        session: u64,
    },
    /// The other end speaks another generation of the protocol. It stays so until the other end is replaced.
    Incompatible {
        /// Its generation.
        theirs: u32,
    },
}
