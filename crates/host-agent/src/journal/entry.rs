//! One thing that happened, as a line of the journal keeps it.

use std::time::SystemTime;

use engine_proxy::guard::{Action, Evidence, Rule};
use serde::{Deserialize, Serialize};

use super::words::{clean, cut};
use crate::lease::LeaseRecord;

/// The most bytes of a line, its line feed included.
pub const MAX_LINE_BYTES: usize = 4096;
/// The most bytes of a name or an id. Each may double when it is escaped.
const MAX_NAME_BYTES: usize = 256;
/// The most bytes of a reason.
const MAX_REASON_BYTES: usize = 1024;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When: milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The container's whole id; empty where it happened to the machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// Its name, without a slash; empty where whoever recorded it did not know.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its image as it was named; empty as `name`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened. Closed; a line of another version that has something else is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The container was made.
    Created,
    /// Its PID 1 was started.
    Started,
    /// Its PID 1 ended.
    Exited {
        /// The exit code; 128 + *n* after signal *n*.
        code: i64,
        /// Whether something in it was killed for want of memory since it was started.
        #[serde(default)]
        oom: bool,
    },
    /// Something in it was killed for want of memory. That may be another process than its PID 1.
    OutOfMemory {
        /// Its limit; 0 when it has none, or none is known.
        limit_bytes: u64,
    },
    /// Somebody had a signal sent to its PID 1, other than SIGKILL.
    Signal {
        /// Its number.
        signal: u8,
        /// Who.
        by: By,
    },
    /// Somebody asked the engine to stop it.
    StopAsked {
        /// Who.
        by: By,
        /// Seconds to SIGKILL, where they are not the container's own.
        timeout_s: Option<i64>,
    },
    /// The engine has stopped it as it was asked to. Comes after `Exited`.
    Stopped,
    /// SIGKILL was sent to it through the engine: asked for, or because a stop took too long.
    Killed {
        /// By whom.
        by: By,
    },
    /// It was paused.
    Paused,
    /// It goes on.
    Unpaused,
    /// It was restarted, as somebody asked.
    Restarted,
    /// It has a new name, the entry's.
    Renamed,
    /// It is gone.
    Removed,
    /// The foreground guard decided something.
    Guard {
        /// By which rule.
        rule: Rule,
        /// What is done.
        action: Action,
        /// From what.
        evidence: Vec<Evidence>,
        /// The client's process on the host.
        client_pid: Option<u32>,
    },
    /// Something happened to a lease.
    Lease {
        /// What.
        record: LeaseRecord,
    },
    /// A host agent took over. Whatever ran before and was not stopped in order was lost.
    HostAgentStarted,
    /// The engine does not answer any more, though the machine is up.
    EngineLost,
    /// It does again, after a restart.
    EngineRestarted,
    /// The machine is up.
    MachineStarted,
    /// The machine is being stopped in order.
    MachineStopping,
    /// The machine is down, in order.
    MachineStopped {
        /// Why, where more is known than that somebody wanted it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The machine is down though nobody wanted it.
    MachineCrashed {
        /// Why.
        reason: String,
    },
    /// The machine's CPUs stand still at the user's wish.
    MachinePaused,
    /// They go on.
    MachineResumed,
    /// The host slept, or its clock was set.
    HostSlept {
        /// For how long.
        for_ms: u64,
    },
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Somebody who called the engine.
    Caller,
    /// A client of the engine that this host knows.
    Client {
        /// Its process on the host.
        pid: u32,
    },
    /// A lease of the host agent.
    Lease,
    /// The foreground guard.
    Guard,
}

impl Entry {
    /// Something that happens to the machine now.
    pub fn machine(what: What) -> Self {
        Self {
            at_ms: now_ms(),
            container: String::new(),
            name: String::new(),
            image: String::new(),
            what,
        }
    }

    /// The line that keeps it, at most [`MAX_LINE_BYTES`] long: long texts are cut, and what cannot be cut is left out.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let mut entry = self.clone();
        for text in [&mut entry.container, &mut entry.name, &mut entry.image] {
            *text = short(text, MAX_NAME_BYTES);
        }
        entry.what.shorten();
        let mut line = entry.json();
        if line.len() > MAX_LINE_BYTES
            && let What::Guard { evidence, .. } = &mut entry.what
        {
            evidence.clear();
            line = entry.json();
        }
        if line.len() > MAX_LINE_BYTES {
            tracing::debug!(bytes = line.len(), "journal entry dropped, it is too long");
            line.clear();
        }
        line
    }

    fn json(&self) -> Vec<u8> {
        // Our own types always serialise.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads a line. `None` for one that is torn, damaged, or of a version that knows more.
    pub(super) fn from_line(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

impl What {
    fn shorten(&mut self) {
        match self {
            Self::MachineStopped { reason: Some(reason) } | Self::MachineCrashed { reason } => {
                *reason = short(reason, MAX_REASON_BYTES);
            }
            Self::Guard {
                action: Action::Failed(reason),
                ..
            } => *reason = short(reason, MAX_REASON_BYTES),
            _ => {}
        }
    }
}

fn short(text: &str, most_bytes: usize) -> String {
    cut(&clean(text), most_bytes).to_owned()
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
