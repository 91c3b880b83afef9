//! The task of one lane: connects the carrier, opens a session, runs it, and begins again.
//!
//! ```text
//!   connect ──► handshake ──► session ──► the other side started anew ──► handshake on the same stream
//!      ▲            │ stream lost   └──── stream lost, silence ──┐
//!      └────────────┴────────────────────────────────────────────┘
//! ```

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::handshake::{self, Identity, Opened};
use crate::link::{Arrival, Control, DialRequest};
use crate::record::{RecordError, RecordReader, RecordWriter, first_tag};
use crate::session::{Session, SessionEnd};
use crate::wire::{Wire, WireEnd};
use crate::{Carrier, LaneState, RawStream};

/// Before another try after the carrier failed or its stream ended: a lane without a peer costs next to nothing.
const RETRY: Duration = Duration::from_millis(50);

pub(crate) struct LaneTask {
    pub(crate) identity: Identity,
    pub(crate) carrier: Box<dyn Carrier>,
    pub(crate) state: watch::Sender<LaneState>,
    pub(crate) dials: mpsc::UnboundedReceiver<DialRequest>,
    pub(crate) arrivals: mpsc::UnboundedSender<Arrival>,
    pub(crate) control: watch::Receiver<Control>,
    /// The same for all lanes of the link, so that their beats fall together.
    pub(crate) beats_from: Instant,
}

/// The link was closed, or nobody holds it any more.
struct Closed;

impl LaneTask {
    pub(crate) async fn run(mut self) {
        let Err(Closed) = self.keep_up().await;
        self.set(LaneState::Down {
            reason: "the link was closed".to_owned(),
        });
    }

    async fn keep_up(&mut self) -> Result<std::convert::Infallible, Closed> {
        loop {
            let mut control = self.control.clone();
            let connected = tokio::select! {
                connected = self.carrier.connect() => connected,
                _ = control.wait_for(|control| control.closed) => return Err(Closed),
            };
            match connected {
                Ok(stream) => self.serve(stream).await?,
                Err(error) => {
                    tracing::debug!(lane = self.identity.lane.name(), %error, "failed to connect the carrier");
                    self.set(LaneState::Down {
                        reason: format!("failed to connect the carrier: {error}"),
                    });
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                _ = control.wait_for(|control| control.closed) => return Err(Closed),
            }
        }
    }

    /// Uses one connection for as long as it is good.
    async fn serve(&mut self, mut stream: RawStream) -> Result<(), Closed> {
        let (mut came, mut unsent) = (Vec::new(), Vec::new());
        loop {
            let mut control = self.control.clone();
            let state = &self.state;
            let incompatible = |theirs| set(state, LaneState::Incompatible { theirs });
            let opened = tokio::select! {
                opened = handshake::open(&mut stream, self.identity, &came, unsent, incompatible) => opened,
                _ = control.wait_for(|control| control.closed) => return Err(Closed),
            };
            let opened = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    self.set(LaneState::Down {
                        reason: format!("the carrier was lost: {error}"),
                    });
                    return Ok(());
                }
            };
            match self.run_session(stream, opened).await? {
                Some(wire) => (stream, came, unsent) = wire.into_parts(),
                None => return Ok(()),
            }
        }
    }

    /// The wire comes back when the connection is still good.
    async fn run_session(&mut self, stream: RawStream, opened: Opened) -> Result<Option<Wire>, Closed> {
        let Opened {
            ours,
            theirs,
            came,
            unsent,
        } = opened;
        let lane = self.identity.lane;
        // Equal on both sides.
        let session = (ours.0 ^ theirs.0) as u64;
        let reader = RecordReader::new(first_tag(theirs, ours), &came);
        let writer = RecordWriter::new(first_tag(ours, theirs), unsent);
        let wire = Wire::new(stream, reader, writer);
        let running = Session::new(self.identity.side, lane, wire, self.beats_from);
        // Dials that were asked while there was no session must fail, not go to this one.
        while self.dials.try_recv().is_ok() {}
        tracing::info!(lane = lane.name(), session, "lane is up");
        self.set(LaneState::Up { session });
        let (end, wire) = running
            .run(&mut self.dials, &self.arrivals, &mut self.control)
            .await;
        let reason = end.to_string();
        if let SessionEnd::Closed = end {
            tracing::debug!(lane = lane.name(), session, "lane is closed");
            return Err(Closed);
        }
        tracing::info!(lane = lane.name(), session, reason, "lane is down");
        self.set(LaneState::Down { reason });
        let same_stream = match end {
            SessionEnd::Wire(WireEnd::Record(RecordError::NoRecord | RecordError::ForeignTag))
            | SessionEnd::Mux(_) => true,
            SessionEnd::Wire(_) | SessionEnd::Silent | SessionEnd::Closed => false,
        };
        Ok(wire.filter(|_| same_stream))
    }

    fn set(&self, new: LaneState) {
        set(&self.state, new);
    }
}

/// Publishes a state unless it is the one already known.
fn set(state: &watch::Sender<LaneState>, new: LaneState) {
    state.send_if_modified(|state| {
        let changed = *state != new;
        if changed {
            *state = new;
        }
        changed
    });
}
