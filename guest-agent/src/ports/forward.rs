//! The guest's end of a forward.

use anyhow::bail;
use protocol::StreamHead;
use tokio::io::{AsyncRead, AsyncWrite};

use super::head;
use crate::{agent::Agent, forward};

/// Joins the stream to the target that its head names. A target that cannot be reached, and any error later, aborts the
/// stream: it is dropped unfinished.
pub async fn answer(agent: Agent, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    if let Err(error) = serve(&agent, &mut stream).await {
        // Connections break every day; what matters is seen at the other end.
        tracing::debug!(error = format!("{error:#}"), "forward ended");
    }
}

async fn serve(agent: &Agent, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> anyhow::Result<()> {
    let (head, first) = head::read(stream).await?;
    let StreamHead::Forward { transport, target } = head else {
        bail!("the stream's head is for another port")
    };
    forward::join(agent, transport, target, first, stream).await
}

#[cfg(test)]
mod tests {
    use protocol::{ForwardTarget, Transport};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn forward(target: ForwardTarget) -> (tokio::io::DuplexStream, tokio::task::JoinHandle<()>) {
        let (mut host, guest) = tokio::io::duplex(4096);
        let transport = Transport::Tcp;
        let head = protocol::encode(&StreamHead::Forward { transport, target }).unwrap();
        host.write_all(&[&head[..], b"with the head"].concat())
            .await
            .unwrap();
        (host, tokio::spawn(answer(Agent::for_test(), guest)))
    }

    #[tokio::test]
    async fn answer_joins_the_address_that_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = ForwardTarget::Address(listener.local_addr().unwrap());
        let (mut host, _task) = forward(target).await;
        let (mut server, _) = listener.accept().await.unwrap();
        host.shutdown().await.unwrap();
        let mut got = String::new();
        server.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "with the head");
    }

    #[tokio::test]
    async fn answer_to_what_cannot_be_reached_ends_unfinished() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let of = |id: &str| ForwardTarget::Container {
            id: id.to_owned(),
            port: 80,
        };
        for target in [
            ForwardTarget::Address(closed),
            of(""),
            of("../../../../proc/1"),
            of(&"0".repeat(64)),
        ] {
            let (_host, task) = forward(target).await;
            task.await.unwrap();
        }
    }
}
