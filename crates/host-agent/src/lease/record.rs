//! What the journal hears of leases.

use api::EscalationReason;
use serde::{Deserialize, Serialize};

/// Something that a session did, or had done to it. `container` is always the full id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LeaseRecord {
    /// A client owns a container that has just started.
    Begun {
        /// The container.
        container: String,
        /// Its name.
        name: String,
    },
    /// Ctrl+C was pressed.
    Interrupted {
        /// The container.
        container: String,
        /// The how many-th time.
        press: u32,
    },
    /// The owner's connection ended without a word.
    ClientGone {
        /// The container.
        container: String,
    },
    /// The owner was ended from outside and said so: its window was closed, or it got a signal.
    ClientClosing {
        /// The container.
        container: String,
    },
    /// The owner left and let the container run.
    Detached {
        /// The container.
        container: String,
    },
    /// The container is being stopped: its stop signal, then SIGKILL.
    Stopping {
        /// The container.
        container: String,
        /// Why.
        why: EscalationReason,
        /// Seconds to SIGKILL, where they are not the container's own.
        timeout_s: Option<i64>,
    },
    /// The container is being killed.
    Killing {
        /// The container.
        container: String,
        /// Why.
        why: EscalationReason,
    },
    /// The container has ended while it was owned.
    Ended {
        /// The container.
        container: String,
        /// PID 1's exit code.
        exit_code: i64,
    },
    /// A command in a container is being ended: SIGHUP, SIGTERM, SIGKILL to its processes.
    CommandEnding {
        /// The container.
        container: String,
        /// The command's process in the machine.
        pid: u32,
        /// Why.
        why: EscalationReason,
    },
}

impl LeaseRecord {
    /// The container's full id.
    pub fn container(&self) -> &str {
        match self {
            Self::Begun { container, .. }
            | Self::Interrupted { container, .. }
            | Self::ClientGone { container }
            | Self::ClientClosing { container }
            | Self::Detached { container }
            | Self::Stopping { container, .. }
            | Self::Killing { container, .. }
            | Self::Ended { container, .. }
            | Self::CommandEnding { container, .. } => container,
        }
    }
}

/// Keeps records.
pub trait LeaseRecorder: Send + Sync + 'static {
    /// Keeps one. Must not block.
    fn record(&self, record: LeaseRecord);
}
