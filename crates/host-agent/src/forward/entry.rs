//! One forward in the table.

use std::net::SocketAddr;

use api::{ForwardOrigin, ForwardState};
use protocol::{ForwardTarget, ListenerOrigin, Transport};

use super::{
    bound::{Bound, Serving},
    connections::Connections,
};

/// A host endpoint joined to a guest endpoint.
#[derive(Debug)]
pub struct Entry {
    /// Why there is one.
    pub origin: Origin,
    /// Its transport.
    pub transport: Transport,
    /// What is bound, or meant to be.
    pub host: SocketAddr,
    /// Where it leads, and its connections.
    pub serving: Serving,
    /// The container's id and name, where they are known.
    pub container: Option<(String, String)>,
    /// Whether it can be used.
    pub state: State,
}

/// Why there is a forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// dockerd asked for it.
    Published {
        /// The guest's number for it.
        publication: u64,
        /// What was to be bound, before a user moved it.
        asked: SocketAddr,
    },
    /// Something listens in the machine's own network.
    Listener(ListenerOrigin),
    /// A user wanted it.
    Live,
}

/// Whether a forward can be used.
#[derive(Debug)]
pub enum State {
    /// It is bound.
    Open(Bound),
    /// It could not be bound, and why. It is tried again.
    Failed(String),
    /// It is not meant to be bound now.
    Closed(Why),
}

/// Why a forward is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No machine, so no container.
    MachineDown,
    /// Its container does not run.
    ContainerStopped,
    /// A user closed it.
    User,
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Self::MachineDown => "the machine is stopped",
            Self::ContainerStopped => "the container is stopped",
            Self::User => "closed by `pinnace ports remove`; it opens again when the container starts",
        }
    }
}

/// A forward as it is published. Its count of connections is read when it is looked at.
#[derive(Clone, Debug)]
pub struct View {
    /// Everything but the count.
    pub forward: api::Forward,
    /// The count.
    pub connections: Connections,
}

impl Entry {
    /// As the api tells it. `number` names it.
    pub fn show(&self, number: u64) -> api::Forward {
        let (state, reason) = match &self.state {
            State::Open(_) => (ForwardState::Open, None),
            State::Failed(reason) => (ForwardState::Failed, Some(reason.clone())),
            State::Closed(why) => (ForwardState::Closed, Some(why.text().to_owned())),
        };
        let (container_id, container) = self.container.clone().unzip();
        api::Forward {
            id: number.to_string(),
            origin: match self.origin {
                Origin::Published { .. } => ForwardOrigin::Published,
                Origin::Listener(ListenerOrigin::HostNetwork) => ForwardOrigin::HostNetwork,
                Origin::Listener(ListenerOrigin::Swarm) => ForwardOrigin::Swarm,
                Origin::Live => ForwardOrigin::Live,
            },
            protocol: protocol_name(self.transport).to_owned(),
            host: self.host.to_string(),
            target: match &self.serving.target {
                ForwardTarget::Address(address) => address.to_string(),
                ForwardTarget::Container { port, .. } => format!("localhost:{port}"),
            },
            container: container.filter(|name| !name.is_empty()),
            container_id,
            state,
            reason,
            connections: self.serving.connections.count(),
        }
    }

    /// Whether it has a port that keeps another one from being bound.
    pub fn holds(&self, transport: Transport, host: SocketAddr) -> bool {
        let (ours, theirs) = (self.host.ip(), host.ip());
        matches!(self.state, State::Open(_))
            && self.transport == transport
            && self.host.port() == host.port()
            && ours.is_ipv4() == theirs.is_ipv4()
            && (ours == theirs || ours.is_unspecified() || theirs.is_unspecified())
    }

    /// Whether it is a container's, at a host port.
    pub fn is_at(&self, container: &str, transport: Transport, port: u16) -> bool {
        let of_a_container = matches!(self.origin, Origin::Published { .. } | Origin::Live);
        of_a_container
            && self.transport == transport
            && self.host.port() == port
            && self.container_id() == Some(container)
    }

    /// The container's id, where it is known.
    pub fn container_id(&self) -> Option<&str> {
        self.container.as_ref().map(|(id, _)| id.as_str())
    }
}

/// A transport as users write it.
pub fn protocol_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}
