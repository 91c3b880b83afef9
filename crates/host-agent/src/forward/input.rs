//! Everything that can change the table of forwards.

use std::net::{IpAddr, SocketAddr};

use api::{ApiError, Forward};
use protocol::{PublicationAnswer, PublicationFrame, Transport};
use tokio::sync::{mpsc, oneshot};

use super::containers::Containers;

/// One thing that happened or is wanted.
#[derive(Debug)]
pub enum Input {
    /// A stream of publications begins; what is told by an earlier one is ignored from here on.
    Connected(Connected),
    /// The guest tells something.
    Told {
        /// Of the stream.
        session: u64,
        /// What it tells.
        frame: PublicationFrame,
    },
    /// The machine is down.
    Down,
    /// The engine's containers, as they are now.
    Containers(Containers),
    /// Who has the port that a forward could not be bound at was found.
    Explained {
        /// The forward.
        entry: u64,
        /// What could not be bound.
        host: SocketAddr,
        /// Why, in whole.
        reason: String,
    },
    /// A port of a container should be joined to one of the host.
    Add(Add, Reply),
    /// What a container has at a host port should be bound at another one.
    Move(Move, Reply),
    /// What a container has at a host port should be closed.
    Remove(Remove, Reply),
}

/// Where the outcome of a request goes. Whoever asked may have gone.
pub type Reply = oneshot::Sender<Result<Vec<Forward>, ApiError>>;

/// A stream of publications.
#[derive(Debug)]
pub struct Connected {
    /// Its number.
    pub session: u64,
    /// The guest's boot: publications have numbers of their own in each.
    pub boot_id: [u8; 16],
    /// Where answers go.
    pub answers: mpsc::Sender<PublicationAnswer>,
}

/// A container that a user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
}

/// See [`Input::Add`].
#[derive(Clone, Debug)]
pub struct Add {
    /// The container.
    pub container: Named,
    /// The transport.
    pub transport: Transport,
    /// The host's address; `None`: localhost of both families.
    pub host: Option<IpAddr>,
    /// The host's port; 0: any that is free.
    pub host_port: u16,
    /// The port in the container.
    pub container_port: u16,
}

/// See [`Input::Move`].
#[derive(Clone, Debug)]
pub struct Move {
    /// The container.
    pub container: Named,
    /// The transport.
    pub transport: Transport,
    /// The port that it has now.
    pub from: u16,
    /// The port that it gets; 0: any that is free.
    pub to: u16,
    /// The address that it gets; `None`: the one that it has. Moves only what has one of the same family.
    pub to_host: Option<IpAddr>,
}

/// See [`Input::Remove`].
#[derive(Clone, Debug)]
pub struct Remove {
    /// The container.
    pub container: Named,
    /// The transport.
    pub transport: Transport,
    /// The port that it has.
    pub port: u16,
}
