//! The handle to all lanes: dialling, arrivals, states.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::handshake::Identity;
use crate::lane_task::LaneTask;
use crate::session::DialReply;
use crate::{Carrier, Lane, LaneState, LinkError, Side, Stream};

/// Streams to the other side. Cheap to clone; the link ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Link {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    lanes: Vec<LaneHandle>,
    control: watch::Sender<Control>,
}

#[derive(Debug)]
struct LaneHandle {
    lane: Lane,
    dials: mpsc::UnboundedSender<DialRequest>,
    state: watch::Receiver<LaneState>,
}

/// What the link's owner tells all lanes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Control {
    pub(crate) suspended: bool,
    pub(crate) closed: bool,
}

/// Asks a lane for a stream. An answer that is dropped means that the lane is down.
#[derive(Debug)]
pub(crate) struct DialRequest {
    pub(crate) port: u16,
    pub(crate) reply: DialReply,
}

impl Link {
    /// Starts one task for each carrier on the current tokio runtime. `generation` is the protocol's; both sides must
    /// have the same. The tasks end when all clones of the link are dropped or it is closed.
    pub fn new(side: Side, generation: u32, carriers: Vec<(Lane, Box<dyn Carrier>)>) -> (Self, Incoming) {
        let (arrivals, incoming) = mpsc::unbounded_channel();
        let (control, controlled) = watch::channel(Control::default());
        let beats_from = Instant::now();
        let lanes = carriers.into_iter().map(|(lane, carrier)| {
            let (dials, dialled) = mpsc::unbounded_channel();
            let (state, states) = watch::channel(LaneState::Down {
                reason: "nobody answered yet".to_owned(),
            });
            let task = LaneTask {
                identity: Identity {
                    side,
                    lane,
                    generation,
                },
                carrier,
                state,
                dials: dialled,
                arrivals: arrivals.clone(),
                control: controlled.clone(),
                beats_from,
            };
            tokio::spawn(task.run());
            LaneHandle {
                lane,
                dials,
                state: states,
            }
        });
        let shared = Arc::new(Shared {
            lanes: lanes.collect(),
            control,
        });
        (Self { shared }, Incoming { arrivals: incoming })
    }

    /// Opens a stream to the service on `port`. Does not wait for a lane that has no session: fails with
    /// [`LinkError::Down`] at once. A service that does not exist shows as an abort of the stream.
    pub async fn dial(&self, lane: Lane, port: u16) -> Result<Stream, LinkError> {
        let down = LinkError::Down { lane };
        let handle = self.handle(lane).ok_or(down.clone())?;
        if !matches!(*handle.state.borrow(), LaneState::Up { .. }) {
            return Err(down);
        }
        let (reply, outcome) = oneshot::channel();
        handle
            .dials
            .send(DialRequest { port, reply })
            .map_err(|_| down.clone())?;
        // The lane may go down in between: its state then says so before the request is dropped.
        let mut states = handle.state.clone();
        tokio::select! {
            biased;
            outcome = outcome => outcome.unwrap_or(Err(down)),
            _ = states.wait_for(|state| !matches!(state, LaneState::Up { .. })) => Err(down),
        }
    }

    /// What is known about a lane, now and later. A lane that has no carrier is down.
    pub fn lane_state(&self, lane: Lane) -> watch::Receiver<LaneState> {
        match self.handle(lane) {
            Some(handle) => handle.state.clone(),
            None => {
                watch::channel(LaneState::Down {
                    reason: "the link has no such lane".to_owned(),
                })
                .1
            }
        }
    }

    /// Resolves when the lane has a session, with its number. Never, once the link is closed.
    pub async fn wait_up(&self, lane: Lane) -> u64 {
        let mut states = self.lane_state(lane);
        loop {
            if let LaneState::Up { session } = *states.borrow_and_update() {
                return session;
            }
            if states.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Stops counting silence, and sends no beats, while the machine is paused. Afterwards silence counts anew.
    pub fn suspend_heartbeat(&self, suspended: bool) {
        self.shared.control.send_if_modified(|control| {
            let changed = control.suspended != suspended;
            control.suspended = suspended;
            changed
        });
    }

    /// Ends the link: aborts all streams and lets the carriers go. The other side is told.
    pub fn close(&self) {
        self.shared.control.send_modify(|control| control.closed = true);
    }

    fn handle(&self, lane: Lane) -> Option<&LaneHandle> {
        self.shared.lanes.iter().find(|handle| handle.lane == lane)
    }
}

/// Streams that the other side dialled. Dropping it refuses them.
#[derive(Debug)]
pub struct Incoming {
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Incoming {
    /// Waits for the next one. `None` when the link has ended. No lane waits for this to be called.
    pub async fn next(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }
}

/// A stream that the other side dialled.
#[derive(Debug)]
pub struct Arrival {
    /// The lane it came on.
    pub lane: Lane,
    /// The service it is for.
    pub port: u16,
    /// The stream.
    pub stream: Stream,
}
