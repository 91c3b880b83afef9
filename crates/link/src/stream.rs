//! A stream: bytes in both directions, each with its own end.
//!
//! ```text
//!   our direction     open ── shutdown ──► ended            drop, abort ──► the peer reads ConnectionReset
//!   peer's direction  open ── its end ───► Ok(0) for good   its drop, or a lost lane ──► ConnectionReset for good
//! ```
//!
//! The mux's own half-close is never used: a mux stream is open until this object is dropped, and then reset. A reset
//! stops nothing that was sent before it, and it is what tells a writer on the other side that nobody reads any more.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use futures_util::{AsyncWrite as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use crate::chunk::{self, ChunkDecoder, Piece};

/// A byte stream to the other side.
///
/// Reading gives 0 only after the peer's clean end; an abort is [`io::ErrorKind::ConnectionReset`]. Shutting down ends
/// our direction cleanly and leaves the peer's open. Dropping without it aborts. Up to 32 KiB of what was written may
/// wait for credit inside: they go on while the stream is read, written or flushed, so flush before doing neither.
pub struct Stream {
    mux: yamux::Stream,
    packet: Option<yamux::Packet>,
    /// What of the packet was read.
    taken: usize,
    decoder: ChunkDecoder,
    /// A chunk on its way to the mux.
    chunk: Vec<u8>,
    sent: usize,
    shut: bool,
    wakers: Arc<Wakers>,
    /// Makes room for another stream when this one is dropped.
    _permit: OwnedSemaphorePermit,
}

impl Stream {
    pub(crate) fn new(mux: yamux::Stream, permit: OwnedSemaphorePermit) -> Self {
        Self {
            mux,
            packet: None,
            taken: 0,
            decoder: ChunkDecoder::default(),
            chunk: Vec::new(),
            sent: 0,
            shut: false,
            wakers: Arc::default(),
            _permit: permit,
        }
    }

    /// Ends both directions at once; the peer reads [`io::ErrorKind::ConnectionReset`], after what came before.
    pub fn abort(self) {
        drop(self);
    }

    /// Hands the rest of the chunk to the mux. A chunk that was begun must be completed, whoever polls.
    fn poll_send(&mut self, cx: &mut Context<'_>, who: Who) -> Poll<io::Result<()>> {
        if self.sent == self.chunk.len() {
            return Poll::Ready(Ok(()));
        }
        self.wakers.register(who, cx.waker());
        let both = Waker::from(Arc::clone(&self.wakers));
        let mut cx = Context::from_waker(&both);
        while self.sent < self.chunk.len() {
            // Its only errors are that the stream was reset or the connection is gone.
            let count = ready!(Pin::new(&mut self.mux).poll_write(&mut cx, &self.chunk[self.sent..]))
                .map_err(|_| io::Error::from(io::ErrorKind::ConnectionReset))?;
            self.sent += count;
        }
        self.chunk.clear();
        self.sent = 0;
        if self.shut {
            // The last chunk: a stream that is only read from now on keeps no buffer for writing.
            self.chunk = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        while buf.remaining() > 0 && !this.decoder.ended() {
            if let Some(packet) = &this.packet {
                let bytes = &packet.as_ref()[this.taken..];
                match this.decoder.next(bytes, buf.remaining()) {
                    Piece::Bytes { skip, count } => {
                        buf.put_slice(&bytes[skip..skip + count]);
                        this.taken += skip + count;
                        if skip + count == bytes.len() {
                            this.packet = None;
                        }
                    }
                    Piece::Nothing | Piece::End => this.packet = None,
                    Piece::Malformed => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                }
                continue;
            }
            match Pin::new(&mut this.mux).poll_next(cx) {
                Poll::Ready(Some(Ok(packet))) => {
                    this.packet = Some(packet);
                    this.taken = 0;
                }
                _ if buf.filled().len() > before => break,
                Poll::Ready(_) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Poll::Pending => {
                    // Who only reads for an answer must not wait for a question that is stuck here. A failure is the
                    // next writer's to see.
                    let _ = this.poll_send(cx, Who::Reader);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(this.poll_send(cx, Who::Writer))?;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let count = chunk::encode(bytes, &mut this.chunk);
        match this.poll_send(cx, Who::Writer) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(count)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx, Who::Writer)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_send(cx, Who::Writer))?;
        if !this.shut {
            this.shut = true;
            chunk::encode(&[], &mut this.chunk);
        }
        this.poll_send(cx, Who::Writer)
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("id", &self.mux.id())
            .field("shut", &self.shut)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Who {
    Reader,
    Writer,
}

/// Both tasks that may wait for the chunk to go: the mux has room for one waker.
#[derive(Debug, Default)]
struct Wakers {
    slots: Mutex<[Option<Waker>; 2]>,
}

impl Wakers {
    fn register(&self, who: Who, waker: &Waker) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut slots[who as usize] {
            Some(known) if known.will_wake(waker) => {}
            slot => *slot = Some(waker.clone()),
        }
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let slots = std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        slots.into_iter().flatten().for_each(Waker::wake);
    }
}
