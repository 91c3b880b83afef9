//! The machine's state as everybody reads it.
//!
//! ```text
//!            start                    engine answers
//!  stopped ─────────► starting(phase) ──────────────► running ◄──────► degraded(reason)
//!     ▲                  │       │                    │  ▲ │               │
//!     │             stop │       │ fails        pause │  │ │ stop          │ stop
//!     │                  ▼       ▼                    ▼  │ resume          │
//!     └───────────── stopping   failed(reason)       paused                │
//!            ▲                                                             │
//!            └─────────────────────────────────────────────────────────────┘
//! ```

use serde::{Deserialize, Serialize};

/// The machine's state. Derived from probes and from the driver's events, never stored on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum MachineState {
    /// No VM runs.
    Stopped,
    /// On its way up.
    Starting {
        /// How far it is.
        phase: BootPhase,
    },
    /// Up, and the engine answers.
    Running,
    /// Its CPUs stand still at the user's wish.
    Paused,
    /// Up, but something is wrong that may pass: the host's disk is full, the engine restarts, the link is down.
    Degraded {
        /// What is wrong and the next step.
        reason: String,
    },
    /// On its way down.
    Stopping,
    /// Down, though nobody asked for it, or never came up.
    Failed {
        /// The cause and the next step.
        reason: String,
    },
}

/// How far a start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootPhase {
    /// The VM image is looked for and its hashes are checked.
    CheckingImage,
    /// The accelerator is tried and the VM's process started.
    Launching,
    /// The kernel boots; the guest agent has not called yet.
    Kernel,
    /// The guest agent is there; disks and network are set up.
    AgentConnected,
    /// dockerd was started and does not answer yet.
    EngineStarting,
    /// The engine answers.
    Ready,
}

impl BootPhase {
    /// The phase's name as shown to people and in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CheckingImage => "checking image",
            Self::Launching => "launching",
            Self::Kernel => "kernel",
            Self::AgentConnected => "agent connected",
            Self::EngineStarting => "engine starting",
            Self::Ready => "ready",
        }
    }
}
