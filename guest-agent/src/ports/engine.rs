//! The engine's API, byte for byte, with the end of each direction kept apart.

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::UnixStream,
};

use crate::{
    agent::Agent,
    engine::{Engine, begins_membership},
};

/// Two of the longest pieces that come over the link at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// Joins the stream to dockerd's socket.
pub async fn answer(agent: Agent, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Some(engine) = agent.engine() else { return };
    let Ok(dockerd) = UnixStream::connect(engine.socket()).await else {
        return;
    };
    // A client that went away in the middle is no event worth a record.
    let _ = join(stream, dockerd, Some(engine)).await;
}

/// Copies in both directions. An error on either side aborts the other: the stream is dropped unfinished. Only a dockerd
/// that takes no more does not: it may have answered before it had read everything.
async fn join(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    dockerd: UnixStream,
    prepared: Option<&Engine>,
) -> Result<(), Broke> {
    let (from_host, to_host) = tokio::io::split(stream);
    let (from_dockerd, to_dockerd) = dockerd.into_split();
    let input = async {
        match copy(from_host, to_dockerd, prepared).await {
            Err(Broke::Write) => Ok(()),
            copied => copied,
        }
    };
    tokio::try_join!(input, copy(from_dockerd, to_host, None))?;
    Ok(())
}

/// Which side an error is of.
#[derive(Debug)]
enum Broke {
    Read,
    Write,
}

/// Copies until the clean end and passes that on. Of what goes to an engine, requests that it must be prepared for
/// wait until it is.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    prepared: Option<&Engine>,
) -> Result<(), Broke> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await.map_err(|_| Broke::Read)?;
        if length == 0 {
            return to.shutdown().await.map_err(|_| Broke::Write);
        }
        if let Some(engine) = prepared {
            engine.note_use();
            if begins_membership(&buffer[..length]) {
                engine.allow_swarm().await;
            }
        }
        to.write_all(&buffer[..length]).await.map_err(|_| Broke::Write)?;
        to.flush().await.map_err(|_| Broke::Write)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn copy_passes_bytes_and_the_clean_end_on() {
        let (mut ours, theirs) = tokio::io::duplex(64);
        let task = tokio::spawn(async move { copy(&b"hello"[..], theirs, None).await });
        let mut got = Vec::new();
        ours.read_to_end(&mut got).await.unwrap();
        task.await.unwrap().unwrap();
        assert_eq!(got, b"hello");
    }

    #[tokio::test]
    async fn join_dockerd_that_takes_no_more_is_heard_to_the_end() {
        let (dockerd, ours) = UnixStream::pair().unwrap();
        let dockerd = dockerd.into_std().unwrap();
        let (mut host, theirs) = tokio::io::duplex(64);
        tokio::spawn(join(theirs, ours, None));
        dockerd.shutdown(std::net::Shutdown::Read).unwrap();
        host.write_all(b"more").await.unwrap();
        // Enough turns for it to be taken, and refused by the socket. With fewer the test would show less, not fail.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let mut dockerd = UnixStream::from_std(dockerd).unwrap();
        dockerd.write_all(b"enough").await.unwrap();
        drop(dockerd);
        let mut answer = String::new();
        host.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "enough");
    }
}
