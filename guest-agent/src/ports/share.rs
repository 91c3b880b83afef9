//! The way between a share's mount and its file server on the host.

use anyhow::{Context, bail};
use protocol::StreamHead;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_blocking,
};

use super::head;
use crate::agent::Agent;

/// Lets the server at the other end answer for the share that the head names. A share that is not mounted, and any error
/// later, aborts the stream: it is dropped unfinished.
pub async fn answer(agent: Agent, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    if let Err(error) = serve(&agent, &mut stream).await {
        tracing::warn!(error = format!("{error:#}"), "share's stream ended");
    }
}

async fn serve(agent: &Agent, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> anyhow::Result<()> {
    let (head, first) = head::read(stream).await?;
    let StreamHead::Share { id, server } = head else {
        bail!("the stream's head is for another port")
    };
    let (shares, wanted) = (agent.shares.clone(), id.clone());
    let pump = spawn_blocking(move || shares.pump(&wanted))
        .await
        .context("the task ended")??;
    let Some(pump) = pump else {
        bail!("no share with that id is mounted")
    };
    pump.serve(server, first, stream)
        .await
        .with_context(|| format!("share {id} lost its server"))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn answer_for_a_share_that_is_not_mounted_ends_unfinished() {
        let (mut host, guest) = tokio::io::duplex(4096);
        let id = "home".to_owned();
        let head = protocol::encode(&StreamHead::Share { id, server: 1 }).unwrap();
        host.write_all(&head).await.unwrap();
        let agent = Agent::for_test();
        tokio::time::timeout(std::time::Duration::from_secs(60), answer(agent, guest))
            .await
            .unwrap();
    }
}
