//! One session of a lane: the mux over the wire, its heart, and the streams both sides dial.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{AsyncWrite as _, Stream as _};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::chunk::MAX_FRAME_BODY_BYTES;
use crate::heart::{Heart, Pulse};
use crate::link::{Arrival, Control, DialRequest};
use crate::wire::{SharedWire, Wire, WireEnd};
use crate::{Lane, Side, Stream};

/// How many streams each side may have dialled on one lane at a time: ten thousand connections of forwards, and room for
/// the engine's clients. One at rest costs next to nothing. Each may hold 256 KiB that nobody reads (yamux's window, which
/// is fixed), so that a lane's worst case is 3 GiB: who hands out streams by the thousand bounds those that stand still.
pub(crate) const MAX_STREAMS: usize = 12 * 1024;
/// The mux's own limit ends the session, ours refuses one stream. So the mux's is out of reach, also for streams
/// whose end the mux has not taken note of.
const MUX_STREAMS: usize = 16 * MAX_STREAMS;

/// How long the last words may take.
const BYE_LIMIT: Duration = Duration::from_millis(200);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionEnd {
    #[error("the link was closed")]
    Closed,
    #[error("the other side has fallen silent")]
    Silent,
    #[error(transparent)]
    Wire(WireEnd),
    #[error("the other side broke the mux's rules")]
    Mux(#[source] yamux::ConnectionError),
}

pub(crate) struct Session {
    lane: Lane,
    mux: yamux::Connection<SharedWire>,
    wire: SharedWire,
    heart: Heart,
    dialled: Arc<Semaphore>,
    accepted: Arc<Semaphore>,
    /// Dials that wait for the other side to acknowledge earlier ones.
    waiting: VecDeque<DialRequest>,
    /// Whether who dialled has its turn before anything is written.
    deferred: bool,
}

impl Session {
    /// Its beats fall on whole multiples of their interval after `beats_from`.
    pub(crate) fn new(side: Side, lane: Lane, wire: Wire, beats_from: Instant) -> Self {
        let wire = SharedWire::new(wire);
        let mut config = yamux::Config::default();
        // No limit to share out: the windows never grow, see `wire`.
        config.set_max_connection_receive_window(None);
        config.set_max_num_streams(MUX_STREAMS);
        config.set_split_send_size(MAX_FRAME_BODY_BYTES);
        let mode = match side {
            Side::Host => yamux::Mode::Client,
            Side::Guest => yamux::Mode::Server,
        };
        Self {
            lane,
            mux: yamux::Connection::new(wire.clone(), config, mode),
            wire,
            heart: Heart::new(side, beats_from),
            dialled: Arc::new(Semaphore::new(MAX_STREAMS)),
            accepted: Arc::new(Semaphore::new(MAX_STREAMS)),
            waiting: VecDeque::new(),
            deferred: false,
        }
    }

    /// Runs until the session ends. All its streams are aborted then; the wire comes back for another handshake.
    pub(crate) async fn run(
        mut self,
        dials: &mut mpsc::UnboundedReceiver<DialRequest>,
        arrivals: &mpsc::UnboundedSender<Arrival>,
        control: &mut watch::Receiver<Control>,
    ) -> (SessionEnd, Option<Wire>) {
        self.heart.suspend(control.borrow_and_update().suspended);
        let end = loop {
            tokio::select! {
                biased;
                end = std::future::poll_fn(|cx| self.poll(cx, arrivals)) => break end,
                request = dials.recv() => match request {
                    Some(request) => self.waiting.push_back(request),
                    None => break SessionEnd::Closed,
                },
                changed = control.changed() => {
                    let control = *control.borrow_and_update();
                    if changed.is_err() || control.closed {
                        break SessionEnd::Closed;
                    }
                    self.heart.suspend(control.suspended);
                    self.wire.lock().forgive_silence();
                }
            }
        };
        if matches!(end, SessionEnd::Closed) {
            self.say_bye().await;
        }
        // Wakes all streams, which find themselves aborted.
        drop(self.mux);
        (end, self.wire.into_inner())
    }

    async fn say_bye(&mut self) {
        self.wire.lock().bye();
        let said = std::future::poll_fn(|cx| match self.wire.lock().poll_drain(cx) {
            Poll::Ready(Ok(true)) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        });
        // A peer that takes nothing finds out by itself.
        let _ = tokio::time::timeout(BYE_LIMIT, said).await;
    }

    /// Lets the mux read, write and accept until there is nothing to do. Ready when the session is over.
    fn poll(&mut self, cx: &mut Context<'_>, arrivals: &mpsc::UnboundedSender<Arrival>) -> Poll<SessionEnd> {
        loop {
            let dialled = self.poll_dials(cx);
            if dialled && !self.deferred {
                // Who dialled mostly has something to say: then it goes out with the stream's first frame, and wakes
                // the other side once instead of twice.
                self.deferred = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.deferred = false;
            while let Poll::Ready(inbound) = self.mux.poll_next_inbound(cx) {
                match inbound {
                    Some(Ok(stream)) => self.accept(cx, stream, arrivals),
                    end => {
                        let wire_end = self.wire.lock().take_end();
                        return Poll::Ready(match (wire_end, end) {
                            (Some(end), _) => SessionEnd::Wire(end),
                            (None, Some(Err(error))) => SessionEnd::Mux(error),
                            (None, _) => SessionEnd::Wire(WireEnd::Closed),
                        });
                    }
                }
            }
            let mut wire = self.wire.lock();
            match wire.poll_drain(cx) {
                Poll::Ready(Ok(true)) => continue,
                Poll::Ready(Ok(false)) | Poll::Pending => {}
                Poll::Ready(Err(error)) => return Poll::Ready(SessionEnd::Wire(WireEnd::Carrier(error))),
            }
            match ready!(self.heart.poll(cx, &mut wire)) {
                Pulse::Beat => wire.beat(),
                Pulse::Silent => return Poll::Ready(SessionEnd::Silent),
            }
        }
    }

    /// Whether a stream was dialled.
    fn poll_dials(&mut self, cx: &mut Context<'_>) -> bool {
        let mut dialled = false;
        while let Some(request) = self.waiting.pop_front() {
            if request.reply.is_closed() {
                continue;
            }
            let Ok(permit) = Arc::clone(&self.dialled).try_acquire_owned() else {
                let _ = request.reply.send(Err(crate::LinkError::TooManyStreams {
                    lane: self.lane,
                    limit: MAX_STREAMS,
                }));
                continue;
            };
            match self.mux.poll_new_outbound(cx) {
                Poll::Ready(Ok(mut stream)) => {
                    // The first frame carries the port and nothing else. An empty channel takes it at once.
                    let head = request.port.to_le_bytes();
                    if let Poll::Ready(Ok(2)) = Pin::new(&mut stream).poll_write(cx, &head) {
                        dialled |= request.reply.send(Ok(Stream::new(stream, permit))).is_ok();
                    }
                }
                // The reply's drop says that the lane is down; the inbound side returns the error.
                Poll::Ready(Err(_)) => {}
                Poll::Pending => {
                    self.waiting.push_front(request);
                    break;
                }
            }
        }
        dialled
    }

    /// Takes a stream in, or drops it, which the other side sees as an abort.
    fn accept(
        &mut self,
        cx: &mut Context<'_>,
        mut stream: yamux::Stream,
        arrivals: &mpsc::UnboundedSender<Arrival>,
    ) {
        let Ok(permit) = Arc::clone(&self.accepted).try_acquire_owned() else {
            tracing::warn!(lane = self.lane.name(), "refused a stream: too many are open");
            return;
        };
        let Poll::Ready(Some(Ok(packet))) = Pin::new(&mut stream).poll_next(cx) else {
            return;
        };
        let Ok(head) = <[u8; 2]>::try_from(packet.as_ref()) else {
            return;
        };
        // An empty frame acknowledges the stream. Left to the first answer, 256 streams without one would be the last.
        let _ = Pin::new(&mut stream).poll_write(cx, &[]);
        let port = u16::from_le_bytes(head);
        let _ = arrivals.send(Arrival {
            lane: self.lane,
            port,
            stream: Stream::new(stream, permit),
        });
    }
}

/// Where a dial's outcome goes.
pub(crate) type DialReply = oneshot::Sender<Result<Stream, crate::LinkError>>;
