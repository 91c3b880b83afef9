//! The client's end of a shell in the machine.

use std::io;

use hyper::{StatusCode, header, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use platform::LocalAddress;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{ClientError, connection::call};
use crate::{Route, SHELL_UPGRADE, ShellFrame, ShellFrameDecoder, ShellRequest};

/// What comes out of the shell.
#[derive(Debug)]
pub struct ShellReader {
    stream: ReadHalf<TokioIo<Upgraded>>,
    decoder: ShellFrameDecoder,
}

impl ShellReader {
    /// Waits for the next output or the exit code; `None` when the stream ended, which before an exit code means that
    /// the machine or the host agent went away. Safe to cancel.
    pub async fn next(&mut self) -> io::Result<Option<ShellFrame>> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes).await? {
                0 => return Ok(None),
                length => self.decoder.push(&bytes[..length]),
            }
        }
    }
}

/// What goes into the shell.
#[derive(Debug)]
pub struct ShellWriter {
    stream: WriteHalf<TokioIo<Upgraded>>,
}

impl ShellWriter {
    /// Sends one frame: input, end of input, or a new terminal size.
    pub async fn send(&mut self, frame: &ShellFrame) -> io::Result<()> {
        self.stream.write_all(&frame.encode()).await?;
        self.stream.flush().await
    }
}

pub(super) async fn open(
    address: &LocalAddress,
    request: &ShellRequest,
) -> Result<(ShellReader, ShellWriter), ClientError> {
    let headers = [
        (header::CONNECTION, "upgrade".to_owned()),
        (header::UPGRADE, SHELL_UPGRADE.to_owned()),
    ];
    let response = call(address, Route::Shell, "", Some(request), &headers).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status().as_u16();
        return Err(ClientError::Unexpected {
            path: Route::Shell.path(),
            status,
        });
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(ClientError::Http)?;
    let (read, write) = tokio::io::split(TokioIo::new(upgraded));
    Ok((
        ShellReader {
            stream: read,
            decoder: ShellFrameDecoder::default(),
        },
        ShellWriter { stream: write },
    ))
}
