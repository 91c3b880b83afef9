//! The guest's end of a forward: a stream from the host, joined to a socket.
//!
//! ```text
//!   head ── Address ───────────────────────────────► dial ──► tcp, or udp
//!       └── Container ──► namespace: sockets there ──► dial ──► the same
//! ```

pub mod dial;
mod local;
mod namespace;
pub mod tcp;
mod udp;

use anyhow::Context;
use protocol::{ForwardTarget, Transport};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UdpSocket},
};

use crate::{agent::Agent, container_process::Container};

/// Joins the stream to its target. `first` came with the stream's head. On an error the stream is to be aborted.
pub async fn join(
    agent: &Agent,
    transport: Transport,
    target: ForwardTarget,
    first: Vec<u8>,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> anyhow::Result<()> {
    match transport {
        Transport::Tcp => {
            let server = connect(agent, target).await?;
            tcp::join(stream, &first, server, &agent.stalls)
                .await
                .context("the connection broke")
        }
        Transport::Udp => {
            let peer = open(agent, target).await?;
            udp::join(stream, first, peer).await.context("the stream broke")
        }
    }
}

async fn connect(agent: &Agent, target: ForwardTarget) -> anyhow::Result<TcpStream> {
    match target {
        ForwardTarget::Address(address) => dial::tcp(address)
            .await
            .with_context(|| format!("failed to connect to {address}")),
        ForwardTarget::Container { id, port } => {
            let process = first_process(agent, id).await?;
            let sockets = namespace::inside(process, move || local::tcp_sockets(port)).await??;
            dial::first_of(sockets)
                .await
                .with_context(|| format!("nobody in the container takes connections on port {port}"))
        }
    }
}

async fn open(agent: &Agent, target: ForwardTarget) -> anyhow::Result<UdpSocket> {
    match target {
        ForwardTarget::Address(address) => dial::udp(address)
            .await
            .with_context(|| format!("failed to open a socket toward {address}")),
        ForwardTarget::Container { id, port } => {
            let process = first_process(agent, id).await?;
            let socket = namespace::inside(process, move || local::udp_socket(port)).await??;
            Ok(UdpSocket::from_std(socket)?)
        }
    }
}

/// The container's first process, held.
async fn first_process(agent: &Agent, id: String) -> anyhow::Result<crate::container_process::Member> {
    let container = Container::new(id)?;
    let engine = agent.engine().context("the engine was not started")?;
    let running = engine.layout().running_containers();
    tokio::task::spawn_blocking(move || namespace::first_process(&running, &container))
        .await
        .context("the task ended")?
}
