//! Text of a log: its last lines, and on request new ones.

use anyhow::bail;
use protocol::{LogSource, StreamHead};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::head;
use crate::{
    agent::Agent,
    kernel_log,
    ring::{LogRing, Taken},
};

/// Sends what the head asks for, then ends our direction.
pub async fn answer(agent: Agent, stream: impl AsyncRead + AsyncWrite + Unpin) {
    if let Err(error) = serve(&agent, stream).await {
        tracing::warn!(error = format!("{error:#}"), "log stream ended");
    }
}

async fn serve(agent: &Agent, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
    let (head, _) = head::read(&mut stream).await?;
    let StreamHead::Logs {
        source,
        tail_lines,
        follow,
    } = head
    else {
        bail!("the stream's head is for another port")
    };
    let tail_lines = usize::try_from(tail_lines)?;
    let ring = match source {
        LogSource::Agent => agent.logs.agent.clone(),
        LogSource::Engine => agent.logs.engine.clone(),
        LogSource::Containerd => agent.logs.containerd.clone(),
        LogSource::Kernel => kernel_log::open()?,
    };
    send(&ring, tail_lines, follow, stream).await?;
    Ok(())
}

async fn send(
    ring: &LogRing,
    tail_lines: usize,
    follow: bool,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> std::io::Result<()> {
    let (mut from_host, mut to_host) = tokio::io::split(stream);
    let mut watch = ring.watch();
    let mut taken = ring.tail(tail_lines);
    let mut ignored = [0; 256];
    loop {
        to_host.write_all(text(&taken).as_bytes()).await?;
        if !follow {
            return to_host.shutdown().await;
        }
        tokio::select! {
            // The host ends a log that it follows by ending its direction.
            read = from_host.read(&mut ignored) => if read? == 0 { return to_host.shutdown().await },
            changed = watch.changed() => if changed.is_err() { return to_host.shutdown().await },
        }
        taken = ring.since(taken.next);
    }
}

fn text(taken: &Taken) -> String {
    let mut text = String::new();
    if taken.lost > 0 {
        text.push_str(&format!("({} lines lost)\n", taken.lost));
    }
    for line in &taken.lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn send_without_following_ends_after_the_tail() {
        let ring = LogRing::new(1000);
        for line in ["a", "b", "c"] {
            ring.push(line);
        }
        let (mut host, guest) = tokio::io::duplex(1000);
        send(&ring, 2, false, guest).await.unwrap();
        let mut got = String::new();
        host.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "b\nc\n");
    }

    #[tokio::test]
    async fn send_following_goes_on_until_the_host_ends_it() {
        let ring = LogRing::new(1000);
        ring.push("old");
        let (mut host, guest) = tokio::io::duplex(1000);
        let sent = ring.clone();
        let task = tokio::spawn(async move { send(&sent, 10, true, guest).await });
        let mut got = [0; 4];
        host.read_exact(&mut got).await.unwrap();
        ring.push("new");
        host.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"new\n");
        host.shutdown().await.unwrap();
        task.await.unwrap().unwrap();
    }
}
