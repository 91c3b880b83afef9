//! Everything that can change the machine's state.

use agent_client::AgentClient;
use api::{ApiError, ResetPlan, ResetRequest};
use machine::{DriverError, DriverEvent, Verdict};
use protocol::{Event, Facts};
use tokio::sync::oneshot;

use super::{Provisioned, boot::Launched, waiters::Reply};

/// One thing that happened or is wanted. Those with a `run` come from one launch of the machine and are ignored when
/// it is not the present one any more.
pub(super) enum Input {
    /// The machine should run.
    Start(Reply),
    /// It should be stopped. `force` pulls the plug.
    Stop {
        force: bool,
        grace_ms: Option<u64>,
        reply: Reply,
    },
    /// It should be stopped if it runs, and run.
    Restart(Reply),
    /// Its CPUs should stand still.
    Pause(Reply),
    /// They should go on.
    Resume(Reply),
    /// It should be stopped, and the supervisor end.
    Quit(Reply),
    /// What it keeps should be deleted.
    Reset(ResetRequest, oneshot::Sender<Result<ResetPlan, ApiError>>),
    /// Asks to be told when everything sent before was taken in and published.
    Flush(oneshot::Sender<()>),
    /// The boot task has checked what the machine boots from.
    Provisioned { run: u64, provisioned: Box<Provisioned> },
    /// The boot task knows the accelerator.
    Verdict { run: u64, verdict: Verdict },
    /// The boot task ended; comes exactly once for each boot task, cancelled ones included.
    BootEnded {
        run: u64,
        result: Result<Launched, BootFailure>,
    },
    /// Something happened to the VM.
    Driver { run: u64, event: DriverEvent },
    /// The guest agent is connected.
    LinkUp {
        run: u64,
        agent: AgentClient,
        facts: Box<Facts>,
    },
    /// The guest agent's connection is lost.
    LinkDown { run: u64 },
    /// Host and guest speak different generations of the protocol.
    LinkIncompatible { run: u64, theirs: u32 },
    /// The guest agent tells something.
    Agent { run: u64, event: Event },
    /// Pausing (`true`) or resuming ended.
    PauseEnded {
        run: u64,
        paused: bool,
        result: Result<(), DriverError>,
    },
    /// The guest would not shut down in an orderly way.
    ShutdownRefused { run: u64, reason: String },
}

/// Why a boot task brought no VM.
pub(super) enum BootFailure {
    /// It was cancelled.
    Cancelled,
    /// Something is missing or did not work.
    Failed(ApiError),
}
