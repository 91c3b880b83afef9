//! vhost-device-vsock's Unix socket on the host: `CONNECT <port>\n`, answered by `OK <number>\n`, then bytes.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::{Carrier, Lane, RawStream};

/// Between two attempts while the guest does not listen yet.
const RETRY: Duration = Duration::from_millis(100);
/// How long the answer may take. A guest that is not up answers late or never.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// `OK 4294967295\n` is 14 bytes.
const MAX_ANSWER_BYTES: usize = 32;

/// Connects to the guest's vsock port through a Unix socket.
#[derive(Debug)]
pub struct VsockBridge {
    path: PathBuf,
    lane: Lane,
}

/// Connects to the guest's listener for `lane` through the socket of vhost-device-vsock and retries while there is none.
pub fn vsock_bridge(path: PathBuf, lane: Lane) -> VsockBridge {
    VsockBridge { path, lane }
}

#[async_trait]
impl Carrier for VsockBridge {
    async fn connect(&mut self) -> io::Result<RawStream> {
        loop {
            match tokio::time::timeout(ANSWER_LIMIT, self.attempt()).await {
                Ok(Ok(stream)) => return Ok(Box::new(stream)),
                Ok(Err(error)) => {
                    tracing::trace!(lane = self.lane.name(), %error, "guest does not listen yet")
                }
                Err(_) => tracing::trace!(lane = self.lane.name(), "guest does not answer yet"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

impl VsockBridge {
    async fn attempt(&self) -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.path).await?;
        stream
            .write_all(format!("CONNECT {}\n", self.lane.vsock_port()).as_bytes())
            .await?;
        // Byte by byte: what follows the line belongs to the lane.
        let mut answer = Vec::with_capacity(MAX_ANSWER_BYTES);
        while answer.last() != Some(&b'\n') {
            if answer.len() == MAX_ANSWER_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            answer.push(stream.read_u8().await?);
        }
        if answer.starts_with(b"OK ") {
            Ok(stream)
        } else {
            Err(io::ErrorKind::ConnectionRefused.into())
        }
    }
}
