//! How two sides that know nothing of each other agree on a session.
//!
//! ```text
//!              ┌── every 250 ms ──┐
//!   start ──► HELLO{me} ◄─────────┘──── learns the peer's epoch ──► ACK{me, peer} ──► waits for ACK{peer, me} ──► ready
//!     ▲                                 (from a HELLO, or an ACK                                    │
//!     └───────────── new epoch ──────── that names ours)  ◄──────────── 5 s ────────────────────────┘
//! ```
//!
//! Each epoch of the peer is answered by exactly one ACK, and no HELLO follows an ACK: what a side sends after its ACK
//! are the session's records. An ACK that names another epoch than ours is stale and tells nothing.
//!
//! Why it converges. A carrier delivers in order; it may begin with stale bytes and may lose what was sent before one
//! side's new connection, but a side that has a new connection also has a new epoch and says HELLO until it is
//! answered. So of each side the last epoch heard is the true one, in each of these cases:
//!
//! - *Fresh start*: both say HELLO or hear one, answer it, and are answered. Whoever comes late finds a HELLO waiting.
//! - *Host replaced, guest sees the end*: the guest starts anew with a new epoch, as the new host does. Stale HELLOs and
//!   ACKs of the old host come first; the guest may answer them, the new host ignores answers to others' epochs, and its
//!   own HELLO comes later in the same stream and is answered too.
//! - *Host replaced, guest did not notice*: the guest takes the new host's HELLO for a record. At a record's place its
//!   first byte is none of a record's kinds: the session ends, and the bytes from there on go to a new handshake. Inside
//!   a record cut short, the record's tag is wrong when it is complete, or the guest hears no whole record for 6 s.
//! - *Guest agent restarted*: the same with the sides exchanged; the host's records reach the new guest as stale bytes.
//! - *Both at once*: both say HELLO behind the stale bytes, as at a fresh start.
//!
//! A side that waits for an ACK that was lost starts anew after 5 s with a new epoch, which the other side sees as above.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use std::io;
use std::pin::Pin;
use std::task::Poll;

use crate::greeting::{Epoch, Greeting, Scanner};
use crate::{Lane, RawStream, Side};

const HELLO_EVERY: Duration = Duration::from_millis(250);
/// A peer that was not heard at all for a while is not there yet: fewer lines pile up before it.
const HELLO_EVERY_LATER: Duration = Duration::from_secs(1);
/// Between two HELLOs to a peer of another generation.
const HELLO_EVERY_INCOMPATIBLE: Duration = Duration::from_secs(2);
/// How long an attempt may take once the peer was heard.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);

/// What stays the same for all attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) side: Side,
    pub(crate) lane: Lane,
    pub(crate) generation: u32,
}

/// What a line from the peer leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Wait,
    /// The peer's epoch is new: it must be answered with this.
    Answer(Greeting),
    /// The answer that completes the session, preceded by this one of ours if it is still owed.
    Ready { owed: Option<Greeting> },
    /// The peer speaks another generation.
    Incompatible(u32),
}

/// One attempt.
#[derive(Debug)]
pub(crate) struct Attempt {
    identity: Identity,
    pub(crate) epoch: Epoch,
    /// The epoch answered last.
    pub(crate) peer: Option<Epoch>,
}

impl Attempt {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            epoch: Epoch::draw(),
            peer: None,
        }
    }

    pub(crate) fn greeting(&self, answers: Option<Epoch>) -> Greeting {
        let Identity {
            side,
            lane,
            generation,
        } = self.identity;
        Greeting {
            side,
            lane,
            generation,
            epoch: self.epoch,
            answers,
        }
    }

    pub(crate) fn on_greeting(&mut self, greeting: Greeting) -> Step {
        // Our own words come back from a carrier that echoes, others' from one that is wired to another lane.
        if greeting.side == self.identity.side || greeting.lane != self.identity.lane {
            return Step::Wait;
        }
        if greeting.answers.is_some_and(|answered| answered != self.epoch) {
            return Step::Wait;
        }
        if greeting.generation != self.identity.generation {
            return Step::Incompatible(greeting.generation);
        }
        let owed = (self.peer != Some(greeting.epoch)).then(|| {
            self.peer = Some(greeting.epoch);
            self.greeting(self.peer)
        });
        match (greeting.answers, owed) {
            (Some(_), owed) => Step::Ready { owed },
            (None, Some(answer)) => Step::Answer(answer),
            (None, None) => Step::Wait,
        }
    }
}

/// A session both sides agree on.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) ours: Epoch,
    pub(crate) theirs: Epoch,
    /// What followed the peer's last line.
    pub(crate) came: Vec<u8>,
    /// What must be written before anything else.
    pub(crate) unsent: Vec<u8>,
}

/// Opens a session on `stream`. Waits as long as it takes; fails when the stream does. `came` and `unsent` are what is
/// left of an earlier session on the same stream. `on_incompatible` hears of a peer of another generation.
pub(crate) async fn open(
    stream: &mut RawStream,
    identity: Identity,
    came: &[u8],
    mut unsent: Vec<u8>,
    mut on_incompatible: impl FnMut(u32),
) -> io::Result<Opened> {
    let mut scanner = Scanner::default();
    scanner.push(came);
    let mut buffer = vec![0; 4096];
    let mut incompatible = false;
    loop {
        let mut attempt = Attempt::new(identity);
        let mut limit = Instant::now() + ATTEMPT_LIMIT;
        let mut hello_at = Instant::now();
        loop {
            while let Some(greeting) = scanner.next() {
                match attempt.on_greeting(greeting) {
                    Step::Wait => {}
                    Step::Answer(answer) => {
                        incompatible = false;
                        limit = Instant::now() + ATTEMPT_LIMIT;
                        unsent.extend_from_slice(&answer.encode());
                    }
                    Step::Ready { owed } => {
                        if let Some(answer) = owed {
                            unsent.extend_from_slice(&answer.encode());
                        }
                        let (ours, theirs) = (attempt.epoch, greeting.epoch);
                        return Ok(Opened {
                            ours,
                            theirs,
                            came: scanner.into_rest(),
                            unsent,
                        });
                    }
                    Step::Incompatible(theirs) => {
                        incompatible = true;
                        on_incompatible(theirs);
                    }
                }
            }
            let now = Instant::now();
            // A carrier that takes nothing is not filled up with lines.
            if attempt.peer.is_none() && unsent.is_empty() && now >= hello_at {
                unsent.extend_from_slice(&attempt.greeting(None).encode());
                hello_at = now
                    + match now >= limit {
                        _ if incompatible => HELLO_EVERY_INCOMPATIBLE,
                        true => HELLO_EVERY_LATER,
                        false => HELLO_EVERY,
                    };
            }
            // While nothing is heard the epoch stays: it is as good as another.
            let wake_at = if attempt.peer.is_some() {
                limit
            } else {
                hello_at.max(now + Duration::from_millis(1))
            };
            tokio::select! {
                biased;
                count = exchange(stream, &mut buffer, &mut unsent) => match count? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => scanner.push(&buffer[..count]),
                },
                () = tokio::time::sleep_until(wake_at) => {
                    if attempt.peer.is_some() && Instant::now() >= limit {
                        tracing::debug!(lane = identity.lane.name(), "session was not completed in time; trying anew");
                        break;
                    }
                }
            }
        }
    }
}

/// Writes `unsent` out and reads, whatever goes first; returns what was read.
async fn exchange(stream: &mut RawStream, buffer: &mut [u8], unsent: &mut Vec<u8>) -> io::Result<usize> {
    std::future::poll_fn(|cx| {
        while !unsent.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, unsent) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => drop(unsent.drain(..count)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if let Poll::Ready(Err(error)) = Pin::new(&mut *stream).poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        let mut buf = ReadBuf::new(buffer);
        Pin::new(&mut *stream)
            .poll_read(cx, &mut buf)
            .map_ok(|()| buf.filled().len())
    })
    .await
}
