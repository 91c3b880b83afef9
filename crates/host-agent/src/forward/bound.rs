//! A host port that is bound, and the task that serves it.

use std::{io, net::SocketAddr};

use protocol::{ForwardTarget, Transport};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{connections::Connections, tcp, udp, way::Way};

/// What the connections of a forward need. Outlives the socket: a forward that moves keeps its connections.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The way to the guest's end.
    pub way: Way,
    /// Where they lead.
    pub target: ForwardTarget,
    /// How many there are.
    pub connections: Connections,
    /// Breaks them off.
    pub aborting: CancellationToken,
}

/// A bound port. Dropping it frees the port soon; [`Bound::close`] says when.
#[derive(Debug)]
pub struct Bound {
    address: SocketAddr,
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Bound {
    /// Binds a host address and serves it; port 0 is any that is free.
    pub fn open(transport: Transport, host: SocketAddr, serving: Serving) -> io::Result<Self> {
        let closing = CancellationToken::new();
        let (address, task) = match transport {
            Transport::Tcp => {
                let port = platform::bind_tcp(host)?;
                let address = port.address;
                (address, tokio::spawn(tcp::serve(port, serving, closing.clone())))
            }
            Transport::Udp => {
                let port = platform::bind_udp(host)?;
                let address = port.address;
                (address, tokio::spawn(udp::serve(port, serving, closing.clone())))
            }
        };
        Ok(Self {
            address,
            closing,
            task,
        })
    }

    /// What is bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when the port is free, which is soon. TCP connections go on.
    pub async fn close(mut self) {
        self.closing.cancel();
        // However it ended, it holds nothing any more.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}
