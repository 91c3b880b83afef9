//! Ports of containers on the host: what is bound, and the bodies of `POST /v1/forwards/…`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A host endpoint joined to a guest endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forward {
    /// Names it for as long as it exists. Opaque.
    pub id: String,
    /// Why there is one.
    pub origin: ForwardOrigin,
    /// The transport: `tcp` or `udp`.
    pub protocol: String,
    /// What is bound on the host, or meant to be: `127.0.0.1:8080`, `[::1]:8080`.
    pub host: String,
    /// Where it leads: `172.17.0.2:80`; `localhost:80`, in the container, for a live port.
    pub target: String,
    /// The container's name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The container's whole id, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// Whether it can be used.
    pub state: ForwardState,
    /// Why it failed or is closed, and the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many TCP connections, or peers that send datagrams, it has now.
    pub connections: u64,
}

/// Why there is a forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForwardOrigin {
    /// A container publishes the port: `docker run -p`.
    Published,
    /// A user joined it to a container that runs: `pinnace ports add`.
    Live,
    /// A container on the machine's own network listens.
    HostNetwork,
    /// A swarm service publishes the port.
    Swarm,
}

/// Whether a forward can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ForwardState {
    /// It is being bound.
    Opening,
    /// It takes connections.
    Open,
    /// It could not be bound; it is tried again.
    Failed,
    /// It is not bound, and is not meant to be now: its container does not run, or a user closed it.
    Closed,
}

/// The body of `POST /v1/forwards/add`: joins a host port to a port of a container, whatever that publishes. It is kept
/// for the life of the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddForward {
    /// The container's name or id.
    pub container: String,
    /// The transport: `tcp` or `udp`.
    pub protocol: String,
    /// The host's address; absent: `127.0.0.1`, and `::1` where the host has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The host's port; 0: any that is free.
    pub host_port: u16,
    /// The port in the container.
    pub container_port: u16,
}

/// The body of `POST /v1/forwards/move`: binds a forward of a container at another port of the host. For a published
/// port that holds until the container is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveForward {
    /// The container's name or id.
    pub container: String,
    /// The transport: `tcp` or `udp`.
    pub protocol: String,
    /// The port that is bound now, or meant to be.
    pub from_host_port: u16,
    /// The port to bind instead; 0: any that is free.
    pub to_host_port: u16,
    /// The address to bind instead; absent: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_host: Option<String>,
}

/// The body of `POST /v1/forwards/remove`: closes what a container has at a port of the host. A live port is forgotten;
/// a published one comes back when the container starts again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveForward {
    /// The container's name or id.
    pub container: String,
    /// The transport: `tcp` or `udp`.
    pub protocol: String,
    /// The port that is bound, or meant to be.
    pub host_port: u16,
}
