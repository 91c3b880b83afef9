//! Serves dockerd's own listener of a published port, for those who connect to it inside the machine: containers on the
//! host network. Everybody else in the machine is led to the container by dockerd's rules for packets.

use std::{collections::HashMap, net::SocketAddr, os::fd::OwnedFd, sync::Arc, time::Duration};

use anyhow::Context;
use link::Stalls;
use protocol::{MAX_DATAGRAM_BYTES, Transport};
use rustix::net::{SocketType, sockopt::socket_type};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::forward::{dial, tcp};

/// Connections at once to one port. More wait in the kernel's queue, which refuses when it is full.
const MAX_CONNECTIONS: usize = 256;
/// Peers at once of one port. Datagrams of more are lost.
const MAX_PEERS: usize = 64;
/// A peer that the container has not replied to for so long is forgotten, and found anew when it says more.
const PEER_TIME: Duration = Duration::from_secs(60);
/// After a failure of accepting, most likely for want of open files.
const PAUSE: Duration = Duration::from_millis(200);

/// dockerd's listener, and where it leads.
#[derive(Debug)]
pub enum Relay {
    /// Connections.
    Tcp(TcpListener, SocketAddr),
    /// Datagrams.
    Udp(Arc<UdpSocket>, SocketAddr),
}

impl Relay {
    /// Takes a listener over. Fails when it is no such socket.
    pub fn new(transport: Transport, listener: OwnedFd, container: SocketAddr) -> anyhow::Result<Self> {
        let kind = socket_type(&listener).context("dockerd's listener is no socket")?;
        match (transport, kind) {
            (Transport::Tcp, SocketType::STREAM) => {
                let listener = std::net::TcpListener::from(listener);
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(TcpListener::from_std(listener)?, container))
            }
            (Transport::Udp, SocketType::DGRAM) => {
                let socket = std::net::UdpSocket::from(listener);
                socket.set_nonblocking(true)?;
                Ok(Self::Udp(Arc::new(UdpSocket::from_std(socket)?), container))
            }
            _ => anyhow::bail!("dockerd's listener is a socket of another kind"),
        }
    }

    /// Serves for good. What is open ends when this is dropped.
    pub async fn serve(self) {
        match self {
            Self::Tcp(listener, container) => accept(listener, container).await,
            Self::Udp(socket, container) => pass(socket, container).await,
        }
    }
}

async fn accept(listener: TcpListener, container: SocketAddr) {
    let mut connections = JoinSet::new();
    // What stands still here holds nothing of the link.
    let stalls = Stalls::default();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((client, _)) => drop(connections.spawn(connect(client, container, stalls.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "failed to accept inside the machine");
                    sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(mut client: TcpStream, container: SocketAddr, stalls: Stalls) {
    if tcp::reset_when_dropped(&client).is_err() {
        return;
    }
    // A client that cannot be connected is reset. What goes wrong later is known to both ends.
    if let Ok(server) = dial::tcp(container).await
        && tcp::join(&mut client, &[], server, &stalls).await.is_ok()
    {
        tcp::close_in_order(&client);
    }
}

async fn pass(socket: Arc<UdpSocket>, container: SocketAddr) {
    let mut peers: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut replies = JoinSet::new();
    let mut datagram = vec![0; MAX_DATAGRAM_BYTES];
    loop {
        tokio::select! {
            received = socket.recv_from(&mut datagram) => {
                let Ok((length, from)) = received else { continue };
                if !peers.contains_key(&from) && peers.len() < MAX_PEERS
                    && let Ok(peer) = dial::udp(container).await
                {
                    let peer = Arc::new(peer);
                    peers.insert(from, Arc::clone(&peer));
                    replies.spawn(reply(Arc::clone(&socket), peer, from));
                }
                if let Some(peer) = peers.get(&from) {
                    // A datagram that cannot be sent is lost, as on any network.
                    let _ = peer.send(&datagram[..length]).await;
                }
            }
            Some(ended) = replies.join_next() => {
                if let Ok(from) = ended {
                    peers.remove(&from);
                }
            }
        }
    }
}

/// Passes replies to one peer, until there are none for a while.
async fn reply(socket: Arc<UdpSocket>, peer: Arc<UdpSocket>, to: SocketAddr) -> SocketAddr {
    let mut datagram = vec![0; MAX_DATAGRAM_BYTES];
    while let Ok(received) = timeout(PEER_TIME, peer.recv(&mut datagram)).await {
        // An error tells that nobody listens in the container: a server may come yet.
        if let Ok(length) = received {
            let _ = socket.send_to(&datagram[..length], to).await;
        }
    }
    to
}
