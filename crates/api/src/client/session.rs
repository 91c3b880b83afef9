//! The client's end of a container's session.

use std::io;

use hyper::{StatusCode, header, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use platform::LocalAddress;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{ClientError, connection::call};
use crate::{
    AgentFrame, ClientFrame, Route, SESSION_UPGRADE, SessionFrame, SessionFrameDecoder, SessionRequest,
};

/// What the host agent tells of the session.
#[derive(Debug)]
pub struct SessionReader {
    stream: ReadHalf<TokioIo<Upgraded>>,
    decoder: SessionFrameDecoder<AgentFrame>,
    bytes: Vec<u8>,
}

impl SessionReader {
    /// Waits for the next frame; `None` when the stream ended, which before a last frame means that the host agent went
    /// away. Safe to cancel.
    pub async fn next(&mut self) -> io::Result<Option<AgentFrame>> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            match self.stream.read(&mut self.bytes).await? {
                0 => return Ok(None),
                length => self.decoder.push(&self.bytes[..length]),
            }
        }
    }
}

/// What the client tells.
#[derive(Debug)]
pub struct SessionWriter {
    stream: WriteHalf<TokioIo<Upgraded>>,
}

impl SessionWriter {
    /// Sends one frame.
    pub async fn send(&mut self, frame: &ClientFrame) -> io::Result<()> {
        self.stream.write_all(&frame.encode()).await?;
        self.stream.flush().await
    }
}

pub(super) async fn open(
    address: &LocalAddress,
    request: &SessionRequest,
) -> Result<(SessionReader, SessionWriter), ClientError> {
    let headers = [
        (header::CONNECTION, "upgrade".to_owned()),
        (header::UPGRADE, SESSION_UPGRADE.to_owned()),
    ];
    let response = call(address, Route::ContainerSession, "", Some(request), &headers).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(ClientError::Unexpected {
            path: Route::ContainerSession.path(),
            status: response.status().as_u16(),
        });
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(ClientError::Http)?;
    let (read, write) = tokio::io::split(TokioIo::new(upgraded));
    let reader = SessionReader {
        stream: read,
        decoder: SessionFrameDecoder::default(),
        bytes: vec![0; 16 * 1024],
    };
    Ok((reader, SessionWriter { stream: write }))
}
