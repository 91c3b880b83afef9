//! The reading half of a connection, with what was read and not passed on yet.

use std::{io, pin::Pin, task::Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::http::{HeadError, RequestHead, ResponseHead};

/// What an idle connection holds ready. There may be tens of thousands.
const IDLE_BYTES: usize = 2 * 1024;
/// What one that moves bytes reads at once.
const BUSY_BYTES: usize = 64 * 1024;
/// How much is read ahead of what may be passed on.
const MAX_AHEAD_BYTES: usize = 64 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// A reader and its buffer. Every method is cancel safe: what was read is in the buffer, and what was passed on is not.
#[derive(Debug)]
pub(super) struct Inlet<R> {
    pub(super) reader: R,
    pub(super) buffer: BytesMut,
    /// The first bytes of the buffer that are known to belong to the body that is passed on.
    pub(super) cleared: usize,
    size: usize,
}

/// Why no head was read.
#[derive(Debug)]
pub(super) enum NoHead {
    /// The connection ended between two heads.
    End,
    /// It broke, or ended inside one.
    Broken(io::Error),
    /// What came is none.
    Bad(HeadError),
}

impl<R: AsyncRead + Unpin> Inlet<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: BytesMut::new(),
            cleared: 0,
            size: IDLE_BYTES,
        }
    }

    pub(super) async fn request_head(&mut self) -> Result<RequestHead, NoHead> {
        self.head(RequestHead::parse).await
    }

    pub(super) async fn response_head(&mut self) -> Result<ResponseHead, NoHead> {
        self.head(ResponseHead::parse).await
    }

    async fn head<H>(
        &mut self,
        parse: impl Fn(&[u8]) -> Result<Option<(H, usize)>, HeadError>,
    ) -> Result<H, NoHead> {
        let (mut looked, mut searched) = (0, 0);
        loop {
            let came = self.buffer.len();
            // Parsing begins anew each time, so it waits for the end, or until there is more by a quarter. The end may
            // have come together with the beginning of the body.
            let may_be_whole = holds_an_end(&self.buffer[searched..]);
            searched = came.saturating_sub(HEAD_END.len() - 1);
            if may_be_whole || came > looked + looked / 4 {
                looked = came;
                if let Some((head, length)) = parse(&self.buffer).map_err(NoHead::Bad)? {
                    self.buffer.advance(length);
                    return Ok(head);
                }
            }
            match self.fill().await {
                Ok(0) if self.buffer.is_empty() => return Err(NoHead::End),
                Ok(0) => return Err(NoHead::Broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) => return Err(NoHead::Broken(error)),
            }
        }
    }

    /// Reads once. 0: the end.
    pub(super) async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(self.size);
        self.reader.read_buf(&mut self.buffer).await
    }

    /// Reads once, as much as there may be of a long body. 0: the end.
    pub(super) async fn fill_at_full_size(&mut self) -> io::Result<usize> {
        self.size = BUSY_BYTES;
        self.fill().await
    }

    /// Puts bytes back that were taken off the front of what is not passed on yet.
    pub(super) fn put_back(&mut self, mut bytes: BytesMut) {
        if !bytes.is_empty() {
            bytes.extend_from_slice(&self.buffer);
            self.buffer = bytes;
        }
    }

    /// Reads once; while nothing comes, what was written to `writer` is on its way.
    pub(super) async fn fill_and_flush(
        &mut self,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<usize> {
        self.size = BUSY_BYTES;
        let mut flushed = false;
        let mut fill = std::pin::pin!(self.fill());
        std::future::poll_fn(|context| {
            if let Poll::Ready(read) = fill.as_mut().poll(context) {
                return Poll::Ready(read);
            }
            if !flushed {
                match Pin::new(&mut *writer).poll_flush(context) {
                    Poll::Ready(Ok(())) => flushed = true,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(write_error(error))),
                    Poll::Pending => {}
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Waits for the end of this direction, reading ahead a little. Never returns before it but for an error.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        loop {
            if self.buffer.len() >= MAX_AHEAD_BYTES {
                return std::future::pending().await;
            }
            if self.fill().await? == 0 {
                return Ok(());
            }
        }
    }

    /// Gives the large buffer back when nothing is in it.
    pub(super) fn rest(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.size = IDLE_BYTES;
        }
    }
}

fn holds_an_end(bytes: &[u8]) -> bool {
    bytes.windows(HEAD_END.len()).any(|piece| piece == HEAD_END)
}

/// Marks an error of the writing side of a pump, so that it can be told from one of the reading side.
#[derive(Debug, thiserror::Error)]
#[error("failed to write")]
struct WriteFailed(#[source] io::Error);

fn write_error(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), WriteFailed(error))
}

pub(super) fn is_write_error(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<WriteFailed>())
}
