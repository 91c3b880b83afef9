//! Reads a log's text as a byte stream.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Incoming};
use platform::LocalAddress;
use tokio::io::{AsyncRead, ReadBuf};

use super::{ClientError, connection::call};
use crate::{LogQuery, Route};

/// A log's text. Ends after the last line, or with the host agent while it follows.
#[derive(Debug)]
pub struct LogStream {
    body: Incoming,
    chunk: Bytes,
}

impl LogStream {
    pub(super) async fn open(address: &LocalAddress, query: &LogQuery) -> Result<Self, ClientError> {
        let response = call(address, Route::Logs, &query.to_query(), None::<&()>, &[]).await?;
        Ok(Self {
            body: response.into_body(),
            chunk: Bytes::new(),
        })
    }
}

impl AsyncRead for LogStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.chunk.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(frame)) => self.chunk = frame.into_data().unwrap_or_default(),
            }
        }
        let length = self.chunk.len().min(buffer.remaining());
        buffer.put_slice(&self.chunk[..length]);
        self.chunk.advance(length);
        Poll::Ready(Ok(()))
    }
}
