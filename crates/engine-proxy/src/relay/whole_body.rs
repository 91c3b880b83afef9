//! A request's body, read whole before any of it goes to the engine.

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::exchange::Side;
use crate::{
    http::{BadChunk, BodyScanner, Framing, RequestHead},
    rewrite::MAX_BODY_BYTES,
};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A body.
#[derive(Debug)]
pub(super) struct WholeBody {
    /// As it came, with what frames it.
    wire: Vec<u8>,
    /// Its content, where something framed it.
    unframed: Option<Vec<u8>>,
}

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum NotWhole {
    /// The client is gone, or cannot be written to.
    Client,
    /// It is longer than [`MAX_BODY_BYTES`], with what frames it.
    TooLong,
    /// It is no body.
    Bad(BadChunk),
}

impl WholeBody {
    /// Reads the body that follows `request`. A client that waits to be asked for it is asked.
    pub(super) async fn read<R, W>(request: &RequestHead, client: &mut Side<R, W>) -> Result<Self, NotWhole>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if let Framing::Length(length) = request.framing
            && length > MAX_BODY_BYTES as u64
        {
            return Err(NotWhole::TooLong);
        }
        let Side { inlet, writer } = client;
        let mut body = BodyScanner::new(request.framing);
        // Who has sent some of it already does not wait.
        if !body.is_done() && inlet.buffer.is_empty() && request.expects_continue() {
            writer.write_all(CONTINUE).await.map_err(|_| NotWhole::Client)?;
            writer.flush().await.map_err(|_| NotWhole::Client)?;
        }
        let mut wire = Vec::new();
        let mut unframed = (request.framing == Framing::Chunked).then(Vec::new);
        loop {
            let length = body
                .scan(&inlet.buffer, |data| {
                    if let Some(content) = &mut unframed {
                        content.extend_from_slice(data);
                    }
                })
                .map_err(NotWhole::Bad)?;
            if wire.len() + length > MAX_BODY_BYTES {
                return Err(NotWhole::TooLong);
            }
            wire.extend_from_slice(&inlet.buffer[..length]);
            inlet.buffer.advance(length);
            if body.is_done() {
                return Ok(Self { wire, unframed });
            }
            if !matches!(inlet.fill_at_full_size().await, Ok(1..)) {
                return Err(NotWhole::Client);
            }
        }
    }

    /// A body that takes the place of one.
    pub(super) fn replaced(content: Vec<u8>) -> Self {
        Self {
            wire: content,
            unframed: None,
        }
    }

    /// What it says.
    pub(super) fn content(&self) -> &[u8] {
        self.unframed.as_deref().unwrap_or(&self.wire)
    }

    /// What goes to the engine.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }
}
