//! What the guard decided, and from what: an entry of the journal.

use serde::{Deserialize, Serialize};

/// One decision. It is recorded before it is carried out; when that fails, again with [`Action::Failed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The container's full id.
    pub container: String,
    /// Its name, without a slash.
    pub name: String,
    /// The rule that decided.
    pub rule: Rule,
    /// What is done.
    pub action: Action,
    /// What it was decided from, oldest first.
    pub evidence: Vec<Evidence>,
    /// The client's process on the host. `None` when it is unknown.
    pub client_pid: Option<u32>,
}

/// A rule; the table is in this module's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A signal that certainly did nothing.
    K,
    /// A second Ctrl+C, or a client that left right after the first.
    K2,
    /// A Ctrl+C that did not end it in time.
    K3,
    /// The terminal was closed.
    H,
    /// Ctrl+C typed where it certainly does nothing.
    T,
    /// The client left; without a terminal there is no detaching.
    C1,
    /// The client left a terminal right after a signal.
    C2,
    /// The client left a terminal with an exit code that no detaching has.
    C3,
    /// The client detached.
    C4,
    /// The client ended before it started the container.
    O,
    /// The client of an exec left.
    X,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The container is stopped: its stop signal, and SIGKILL when the time is over.
    Stop {
        /// That time in seconds. `None`: the container's own.
        timeout_s: Option<i64>,
    },
    /// The container, which never ran, is removed.
    Remove,
    /// The exec's processes are ended.
    EndExec,
    /// Nothing: it goes on without its client, and the user should know.
    LeftRunning,
    /// Nothing (rule S): the container ended or was attached to again in time.
    Cancelled,
    /// What was decided did not work.
    Failed(
        /// Why.
        String,
    ),
}

/// One thing that a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The client had a signal sent.
    Signal {
        /// Its name, such as `SIGINT`.
        signal: String,
        /// How long before the decision.
        ago_ms: u64,
    },
    /// The main process neither catches nor blocks it, so it never arrived.
    NotCaught {
        /// The signal's name.
        signal: String,
        /// The main process.
        program: String,
    },
    /// Nor does it the container's stop signal, so waiting for that is pointless.
    StopSignalNotCaught {
        /// The signal's name.
        signal: String,
    },
    /// It ran on for that long after the first Ctrl+C.
    StillRunning {
        /// How long.
        after_ms: u64,
    },
    /// Ctrl+C was typed; the terminal makes it a signal to the main process, which does not catch it.
    KeyHasNoEffect {
        /// The main process.
        program: String,
    },
    /// The client had HUP and at once CONT sent, as a client whose terminal is closed does.
    HangupThenContinue,
    /// The client had HUP sent, and its terminal's input ended.
    InputEnded,
    /// The client's process ended.
    ClientExited {
        /// Which.
        pid: u32,
        /// Its exit code, where the OS tells.
        code: Option<u32>,
    },
    /// The client closed its attachment in both directions.
    AttachmentClosed,
    /// Others are attached, or attached meanwhile.
    OtherAttachment,
    /// The client attached again.
    Reattached,
    /// The container ended by itself, or another run of it has begun.
    ContainerEnded,
    /// The container was paused by somebody.
    Paused,
    /// The container has a restart policy, so it is no foreground container.
    RestartPolicy {
        /// Which.
        policy: String,
    },
    /// The client's command line cannot be read, or is not that of `docker run`: it may be one that passes no signals
    /// on and leaves on purpose.
    ArgumentsUnclear,
    /// The container was never started.
    NeverStarted,
}
