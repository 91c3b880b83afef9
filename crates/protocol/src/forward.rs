//! Ports of containers on the host: what the guest asks to be bound, and where a forward's stream leads.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A transport protocol that can be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transport {
    /// A stream of bytes with an end in each direction.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What dockerd asks for each published port: a host endpoint joined to a container's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Chosen by the guest; unique for one boot of the machine.
    pub id: u64,
    /// Its transport.
    pub transport: Transport,
    /// What is to be bound on the host, exactly.
    pub host: SocketAddr,
    /// Where the container listens, as dockerd tells it.
    pub container: SocketAddr,
    /// Whether somebody waits for the outcome, so that a failure should fail the start of the container. False while
    /// the engine starts containers again by itself as it comes up, and for what was answered before.
    pub awaited: bool,
}

/// A socket in the machine's own network that listens without having been published: of a container on the host
/// network, or the swarm's ingress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GuestListener {
    /// Its transport.
    pub transport: Transport,
    /// The address that it is bound to in the machine; unspecified for all of them.
    pub address: SocketAddr,
    /// Who listens.
    pub origin: ListenerOrigin,
}

/// Who listens in the machine's own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ListenerOrigin {
    /// A process of a container on the host network.
    HostNetwork,
    /// dockerd itself, for a port that a swarm service publishes.
    Swarm,
}

/// One message from the guest on [`LinkPort::PUBLICATIONS`](crate::LinkPort::PUBLICATIONS). The stream begins with every
/// publication and all listeners there are, then [`Self::Synced`]; then whatever changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublicationFrame {
    /// To be bound. Answered by a [`PublicationAnswer`] with the same id.
    Asked(Publication),
    /// To be freed: its container stopped, or nobody waits any more.
    Released {
        /// Of the publication.
        id: u64,
    },
    /// Every listener that was not published, sorted: replaces what was told before. At most 1,024.
    Listeners(Vec<GuestListener>),
    /// What there was is told. A publication that the host knows and that was not told is gone.
    Synced,
}

/// One message from the host on [`LinkPort::PUBLICATIONS`](crate::LinkPort::PUBLICATIONS).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicationAnswer {
    /// Of the publication.
    pub id: u64,
    /// Whether it is bound; else why not, in words for the user of `docker run`.
    pub result: Result<(), String>,
}

/// Where a stream on [`LinkPort::FORWARD`](crate::LinkPort::FORWARD) leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardTarget {
    /// An address that the machine reaches.
    Address(SocketAddr),
    /// A port inside a container's network: its localhost first, then its own addresses. So a server is reached that
    /// listens on the container's localhost only.
    Container {
        /// The container's full id.
        id: String,
        /// The port.
        port: u16,
    },
}

/// Longest datagram of a forward, in bytes: the payload of UDP over IPv4.
pub const MAX_DATAGRAM_BYTES: usize = 65_507;
