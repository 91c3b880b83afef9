//! What is published: told to the host, whose answers come back.
//!
//! ```text
//!   everything, Synced, then changes ──► host
//!                       answers ◄─────── host
//! ```

use protocol::{FrameDecoder, PublicationAnswer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::agent::Agent;

/// Serves one stream until the host ends it, breaks the protocol, or dials another one.
pub async fn answer(agent: Agent, stream: impl AsyncRead + AsyncWrite + Unpin) {
    if let Err(error) = serve(&agent, stream).await {
        tracing::warn!(error = format!("{error:#}"), "publications stream ended");
    }
}

async fn serve(agent: &Agent, stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
    let (mut from_host, mut to_host) = tokio::io::split(stream);
    let mut session = agent.publications.take_over();
    let mut decoder = FrameDecoder::<PublicationAnswer>::default();
    let mut bytes = [0; 4096];
    loop {
        tokio::select! {
            read = from_host.read(&mut bytes) => {
                let length = read?;
                if length == 0 {
                    break;
                }
                decoder.push(&bytes[..length]);
                while let Some(answer) = decoder.next_message()? {
                    agent.publications.answer(answer);
                }
            }
            frames = session.next() => {
                let Some(frames) = frames else { break };
                for frame in frames {
                    to_host.write_all(&protocol::encode(&frame)?).await?;
                }
                to_host.flush().await?;
            }
        }
    }
    to_host.shutdown().await?;
    Ok(())
}
