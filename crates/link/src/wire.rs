//! A carrier's connection as the mux sees it: bytes in records, collected into few large reads and writes.
//!
//! The mux writes a frame as two pieces and flushes after each; here the pieces are collected, and the session writes
//! them out when the mux has nothing more to do. The mux's own pings are left out: their answers can only be written
//! before the next frame is read, so two sides that both wait to write would wait for ever; and without a measured
//! round trip the mux leaves every window at 256 KiB, which bounds the memory.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::RawStream;
use crate::record::{MAX_RECORD_BYTES, RecordError, RecordReader, RecordWriter};

/// No new frame is taken from the mux while this much waits for the carrier: what a small frame may have to wait for.
const MAX_WAITING_BYTES: usize = 64 * 1024;
/// yamux's header: version, tag, flags u16, stream u32, length u32, all big-endian.
const MUX_HEADER_BYTES: usize = 12;
const MUX_TAG_DATA: u8 = 0;
const MUX_TAG_PING: u8 = 2;

/// Why a session's bytes ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireEnd {
    #[error("the other side closed the connection")]
    Closed,
    #[error("failed to read from or write to the carrier")]
    Carrier(#[source] io::Error),
    #[error(transparent)]
    Record(#[from] RecordError),
}

pub(crate) struct Wire {
    carrier: RawStream,
    reader: RecordReader,
    writer: RecordWriter,
    /// What is still to come of the mux frame that is being written.
    body_left: usize,
    /// Whether the mux waits for room.
    stalled: bool,
    unflushed: bool,
    heard: Instant,
    /// A beat came.
    asked: bool,
    /// The carrier took something.
    spoke: bool,
    /// Something of the mux came or was given to be written.
    moved: bool,
    end: Option<WireEnd>,
}

impl Wire {
    pub(crate) fn new(carrier: RawStream, reader: RecordReader, writer: RecordWriter) -> Self {
        Self {
            carrier,
            reader,
            writer,
            body_left: 0,
            stalled: false,
            unflushed: false,
            heard: Instant::now(),
            asked: false,
            spoke: false,
            moved: false,
            end: None,
        }
    }

    /// When the last whole record came.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Begins to count silence anew.
    pub(crate) fn forgive_silence(&mut self) {
        self.heard = Instant::now();
    }

    /// Whether a beat came since this was last asked.
    pub(crate) fn take_asked(&mut self) -> bool {
        std::mem::take(&mut self.asked)
    }

    /// Whether the carrier took anything since this was last asked.
    pub(crate) fn take_spoke(&mut self) -> bool {
        std::mem::take(&mut self.spoke)
    }

    /// Whether anything but beats went either way since this was last asked.
    pub(crate) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Adds a beat, unless something waits: then that is as good, and a carrier that takes nothing is not filled up.
    pub(crate) fn beat(&mut self) {
        if self.writer.len() == 0 {
            self.writer.push_beat();
        }
    }

    pub(crate) fn bye(&mut self) {
        self.writer.push_bye();
    }

    /// Writes out what waits. Ready with true when the mux waited for room and has some now.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.writer.len() > 0 {
            let waiting = self.writer.waiting();
            // Not more at once: see MAX_RECORD_BYTES.
            let piece = &waiting[..waiting.len().min(MAX_RECORD_BYTES)];
            match Pin::new(&mut self.carrier).poll_write(cx, piece) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    self.spoke = true;
                    self.writer.wrote(count);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.resumable() => return Poll::Ready(Ok(true)),
                Poll::Pending => return Poll::Pending,
            }
            self.unflushed = true;
        }
        if self.resumable() {
            return Poll::Ready(Ok(true));
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.carrier).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(false))
    }

    fn resumable(&mut self) -> bool {
        self.stalled && self.writer.len() < MAX_WAITING_BYTES
    }

    pub(crate) fn take_end(&mut self) -> Option<WireEnd> {
        self.end.take()
    }

    /// The carrier's connection, what came and was not read, and what was to be written.
    pub(crate) fn into_parts(self) -> (RawStream, Vec<u8>, Vec<u8>) {
        (
            self.carrier,
            self.reader.rest().to_vec(),
            self.writer.into_unsent(),
        )
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize, WireEnd>> {
        loop {
            let payload = self.reader.payload();
            if !payload.is_empty() {
                let count = payload.len().min(buf.len());
                buf[..count].copy_from_slice(&payload[..count]);
                self.reader.consume(count);
                return Poll::Ready(Ok(count));
            }
            if self.reader.advance()? {
                self.heard = Instant::now();
                match self.reader.payload() {
                    [] => self.asked = true,
                    _ => self.moved = true,
                }
                continue;
            }
            let mut space = ReadBuf::new(self.reader.space());
            ready!(Pin::new(&mut self.carrier).poll_read(cx, &mut space)).map_err(WireEnd::Carrier)?;
            let count = space.filled().len();
            if count == 0 {
                return Poll::Ready(Err(WireEnd::Closed));
            }
            self.reader.filled(count);
        }
    }

    fn poll_write(&mut self, bytes: &[u8]) -> Poll<usize> {
        // A frame that was begun is taken whole, so that beats fall between frames' records in any case.
        if self.body_left == 0 {
            if self.writer.len() >= MAX_WAITING_BYTES {
                self.stalled = true;
                return Poll::Pending;
            }
            self.stalled = false;
            if let Some(header) = bytes.first_chunk::<MUX_HEADER_BYTES>() {
                let flags = u16::from_be_bytes([header[2], header[3]]);
                let length = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
                match header[1] {
                    MUX_TAG_PING if flags & 2 == 0 => return Poll::Ready(bytes.len()),
                    MUX_TAG_DATA => self.body_left = length as usize,
                    _ => {}
                }
            }
        } else {
            self.body_left = self.body_left.saturating_sub(bytes.len());
        }
        self.moved = true;
        self.writer.push(bytes);
        Poll::Ready(bytes.len())
    }
}

/// The wire, shared by the mux and the session that drives it. Both are polled by one task: nobody ever waits here.
#[derive(Clone)]
pub(crate) struct SharedWire(Arc<Mutex<Wire>>);

impl SharedWire {
    pub(crate) fn new(wire: Wire) -> Self {
        Self(Arc::new(Mutex::new(wire)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wire again, once the mux is gone.
    pub(crate) fn into_inner(self) -> Option<Wire> {
        Some(
            Arc::into_inner(self.0)?
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl futures_util::AsyncRead for SharedWire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.lock();
        ready!(wire.poll_read(cx, buf)).map_or_else(
            |end| {
                wire.end = Some(end);
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            },
            |count| Poll::Ready(Ok(count)),
        )
    }
}

impl futures_util::AsyncWrite for SharedWire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Pending without a waker: the session polls the mux again when it has made room.
        self.lock().poll_write(bytes).map(Ok)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
