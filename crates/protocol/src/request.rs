//! What the host asks and the guest answers.

use serde::{Deserialize, Serialize};

use crate::{
    DataDisk, EngineState, Event, ForwardTarget, MountedShare, NetworkSettings, ProcessFacts, ShareSpec,
    Transport,
};

/// One message from the host on the control stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFrame {
    /// Chosen by the host, repeated in the reply. Unique among the requests under way.
    pub id: u32,
    /// What is asked.
    pub request: Request,
}

/// One message from the guest on the control stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestFrame {
    /// The answer to the request with the same `id`.
    Reply {
        /// The request's id.
        id: u32,
        /// What came of it.
        result: Result<Reply, AgentError>,
    },
    /// Something that happened, unasked.
    Event(Event),
}

/// What the host may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Asks for everything the agent knows. Answered by [`Reply::Facts`]. Events follow from here on.
    Facts,
    /// Sets the guest's clock. Answered by [`Reply::Done`]. Milliseconds since the Unix epoch, UTC.
    SetTime {
        /// The host's time.
        unix_ms: u64,
    },
    /// Stops containers (each with its own stop signal and grace), then the engine, then syncs and powers off.
    /// Answered by [`Reply::Done`] when it has begun; progress comes as events, its end as the machine's exit.
    Shutdown {
        /// How long containers may take together before they are killed, in milliseconds.
        grace_ms: u64,
    },
    /// Grows the data disk's file system to the size of its device. Answered by [`Reply::Done`].
    GrowDataDisk,
    /// Restarts the engine (dockerd and containerd); containers live on (live-restore). Answered by [`Reply::Done`].
    RestartEngine,
    /// Gives unused blocks of the data disk back to the host. Answered by [`Reply::Trimmed`].
    Trim,
    /// Sets the size of a shell's terminal. Answered by [`Reply::Done`].
    ResizeShell {
        /// From [`StreamHead::Shell`].
        token: u64,
        /// Columns of the terminal.
        columns: u16,
        /// Rows of the terminal.
        rows: u16,
    },
    /// Asks what a container's process does with signals. Answered by [`Reply::Process`]; refused with
    /// [`ErrorCode::Failed`] when the container has no such process (any more).
    Process {
        /// The process, as the engine's inspect of the container or of an exec tells it.
        pid: u32,
        /// The container's full id. The guest looks at the process only if it belongs to this container.
        container: String,
    },
    /// Ends a container's process and all its descendants: SIGHUP, SIGTERM after half of the grace, SIGKILL after all
    /// of it. Meant for the process of an exec whose client is gone. Answered by [`Reply::Done`] when they are gone,
    /// also when the container has no such process (any more).
    EndProcess {
        /// As in [`Request::Process`].
        pid: u32,
        /// As in [`Request::Process`].
        container: String,
        /// Until SIGKILL, in milliseconds. The guest takes more than 20 s for 20 s.
        grace_ms: u64,
    },
    /// Sets which folders of the host are shared, all of them. What is new is mounted, what is gone is unmounted, what
    /// stays is left as it is. Answered by [`Reply::Shares`]. The engine is not started before the first of these (or
    /// until the guest has waited long enough), so that containers which it starts by itself find their files.
    SetShares {
        /// Every share.
        shares: Vec<ShareSpec>,
    },
    /// Sets the engine's proxies and certificate authorities, all of them. Answered by [`Reply::Done`]. They hold from the
    /// engine's next start on; so the host sends this before the first [`Request::SetShares`], which the engine waits for.
    SetNetwork(NetworkSettings),
}

/// What the guest answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It is done, or begun where the request says so.
    Done,
    /// The answer to [`Request::Facts`].
    Facts(Facts),
    /// The answer to [`Request::Trim`]: bytes given back.
    Trimmed {
        /// Bytes that the file system discarded.
        bytes: u64,
    },
    /// The answer to [`Request::Process`].
    Process(ProcessFacts),
    /// The answer to [`Request::SetShares`]: one for each share, in their order.
    Shares(Vec<Result<MountedShare, AgentError>>),
}

/// Everything the agent knows about its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The agent's version.
    pub agent_version: String,
    /// The kernel's release, as `uname -r` prints it.
    pub kernel: String,
    /// A number drawn at the guest's boot: differs after every start of the machine.
    pub boot_id: [u8; 16],
    /// Milliseconds since the guest's boot.
    pub uptime_ms: u64,
    /// The engine's state.
    pub engine: EngineState,
    /// The data disk, once it is mounted.
    pub data_disk: Option<DataDisk>,
    /// Boot stages passed so far, oldest first.
    pub stages: Vec<crate::BootStage>,
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct AgentError {
    /// What the host may act on.
    pub code: ErrorCode,
    /// The whole chain of causes, for people.
    pub message: String,
}

/// What the host may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorCode {
    /// This agent, or this way of running it, cannot do that.
    Unsupported,
    /// It cannot be done now; asking again later may help.
    NotReady,
    /// It was tried and failed.
    Failed,
}

/// The first frame on a byte stream whose service needs to be told something. The bytes follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamHead {
    /// For [`LinkPort::SHELL`](crate::LinkPort::SHELL). After it, host to guest: input bytes, ended by a half-close.
    /// Guest to host: output bytes (both outputs mixed). The exit code comes as [`Event::ShellExited`], sent before
    /// the guest ends its direction of the stream.
    Shell {
        /// Names this shell in [`Event::ShellExited`]. Chosen by the host at random.
        token: u64,
        /// Program and arguments; empty for an interactive login shell.
        argv: Vec<String>,
        /// Columns and rows where a terminal is wanted.
        tty: Option<(u16, u16)>,
    },
    /// For [`LinkPort::LOGS`](crate::LinkPort::LOGS). The guest sends the text and ends its direction.
    Logs {
        /// Which log.
        source: LogSource,
        /// How many last lines to begin with.
        tail_lines: u32,
        /// Whether to go on with new lines until the host ends the stream.
        follow: bool,
    },
    /// For [`LinkPort::FORWARD`](crate::LinkPort::FORWARD). The guest dials at once and answers nothing; a target that
    /// cannot be reached aborts the stream. TCP: bytes both ways; the end of one direction is a half-close, and an abort is
    /// an abort. UDP: datagrams both ways, each after its length as two bytes, big end first; one stream is one peer.
    Forward {
        /// The transport.
        transport: Transport,
        /// Where to.
        target: ForwardTarget,
    },
    /// For [`LinkPort::SHARE`](crate::LinkPort::SHARE). Guest to host: what the guest's kernel asks of the share's FUSE
    /// mount. Host to guest: the answers and notifications. A newer stream of the same share takes over from an older
    /// one; what the older one left unanswered fails with `EIO`. A share that is not mounted aborts the stream.
    Share {
        /// Which, as in [`ShareSpec::id`](crate::ShareSpec::id).
        id: String,
        /// Drawn by the host for each file server that it makes. Of the same server the kernel's nodes and open files stay
        /// valid; to a new one the guest first tells what is still in use.
        server: u64,
    },
}

/// A log kept in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogSource {
    /// The guest agent's own records.
    Agent,
    /// dockerd's output.
    Engine,
    /// containerd's output.
    Containerd,
    /// The kernel's ring buffer.
    Kernel,
}
