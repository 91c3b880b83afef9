//! The way to the guest's ends of forwards.

use std::{sync::Arc, time::Duration};

use agent_client::{AgentClient, AgentClientError};
use link::{Stalls, Stream};
use protocol::{ForwardTarget, Transport};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tracing::debug;

/// How long a connection waits for a link that is lost. A paused machine's link is not: its connections wait for good.
const LINK_WAIT: Duration = Duration::from_secs(15);

/// How much there may be at once of what all forwards share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// TCP connections. Those beyond wait for one that ends.
    pub connections: usize,
    /// Peers of UDP forwards. Those beyond take the place of others.
    pub peers: usize,
    /// Writes of TCP connections that make no progress. One more, and the one that has stood still for longest is broken
    /// off.
    pub stalled: usize,
    /// How long a write makes no progress until it counts so.
    pub stalled_after: Duration,
}

impl Default for Room {
    /// What the data lane can bear, less what is left for the engine's clients. What may stand still is the same at both
    /// ends of the link.
    fn default() -> Self {
        Self {
            connections: 10_240,
            peers: 1024,
            stalled: 1024,
            stalled_after: Duration::from_secs(10),
        }
    }
}

/// Opens streams. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Way {
    agent: watch::Receiver<Option<AgentClient>>,
    connections: Arc<Semaphore>,
    peers: Arc<Semaphore>,
    stalls: Stalls,
}

/// A stream to the guest's end of a forward.
#[derive(Debug)]
pub struct GuestEnd {
    /// The stream.
    pub stream: Stream,
    _room: OwnedSemaphorePermit,
}

/// Room for a UDP peer.
#[derive(Debug)]
pub struct PeerRoom(OwnedSemaphorePermit);

impl Way {
    /// Leads to the guest agent that is connected when a stream is wanted.
    pub fn new(agent: watch::Receiver<Option<AgentClient>>, room: Room) -> Self {
        Self {
            agent,
            connections: Arc::new(Semaphore::new(room.connections)),
            peers: Arc::new(Semaphore::new(room.peers)),
            stalls: Stalls::new(room.stalled, room.stalled_after),
        }
    }

    /// Counts the writes that make no progress.
    pub fn stalls(&self) -> &Stalls {
        &self.stalls
    }

    /// Opens a stream for a TCP connection; waits for room, and for a link that is being restored. `None` when it does not
    /// come.
    pub async fn connect(&self, target: &ForwardTarget) -> Option<GuestEnd> {
        let room = Arc::clone(&self.connections).acquire_owned().await.ok()?;
        self.dial(Transport::Tcp, target, room).await
    }

    /// Makes room for one more UDP peer; `None` when there is none.
    pub fn peer_room(&self) -> Option<PeerRoom> {
        Arc::clone(&self.peers).try_acquire_owned().ok().map(PeerRoom)
    }

    /// Opens a stream for a UDP peer, and waits as [`Way::connect`] does.
    pub async fn open_peer(&self, target: &ForwardTarget, room: PeerRoom) -> Option<GuestEnd> {
        self.dial(Transport::Udp, target, room.0).await
    }

    async fn dial(
        &self,
        transport: Transport,
        target: &ForwardTarget,
        room: OwnedSemaphorePermit,
    ) -> Option<GuestEnd> {
        let mut agents = self.agent.clone();
        loop {
            let agent = timeout(LINK_WAIT, agents.wait_for(Option::is_some)).await;
            let agent = agent.ok()?.ok()?.clone()?;
            match agent.open_forward(transport, target.clone()).await {
                Ok(stream) => return Some(GuestEnd { stream, _room: room }),
                Err(AgentClientError::Dial {
                    source: link::LinkError::Down { .. },
                    ..
                }) => {
                    // What is lost is noticed here first; the next agent is another one.
                    timeout(LINK_WAIT, agents.changed()).await.ok()?.ok()?;
                }
                Err(error) => {
                    debug!(%error, "guest's end of a forward not opened");
                    return None;
                }
            }
        }
    }
}
