//! A guest agent that is an ordinary process: connects to the host agent's listener.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::UnixStream;

use crate::{Carrier, RawStream};

/// Between two attempts while nobody listens.
const RETRY: Duration = Duration::from_millis(50);

/// Connects to a Unix socket.
#[derive(Debug)]
pub struct UnixDialer {
    path: PathBuf,
}

/// Connects to the host's listener at `path` and retries while there is none.
pub fn unix_dialer(path: PathBuf) -> UnixDialer {
    UnixDialer { path }
}

#[async_trait]
impl Carrier for UnixDialer {
    async fn connect(&mut self) -> io::Result<RawStream> {
        loop {
            match UnixStream::connect(&self.path).await {
                Ok(stream) => return Ok(Box::new(stream)),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                    ) =>
                {
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
