//! What the guest tells unasked.

use serde::{Deserialize, Serialize};

/// Something that happened in the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A boot stage is passed.
    Stage(BootStage),
    /// The engine's state changed.
    Engine(EngineState),
    /// The data disk is mounted, grew, or was found unusable.
    DataDisk(DataDisk),
    /// Shutdown moved on: `remaining` containers still run.
    ShuttingDown {
        /// Containers that have not stopped yet.
        remaining: u32,
    },
    /// The shell with that token ended.
    ShellExited {
        /// From [`StreamHead::Shell`](crate::StreamHead::Shell).
        token: u64,
        /// The exit code; 128 plus the number of the signal that ended it.
        code: u8,
    },
    /// The guest is about to power off.
    PoweringOff,
}

/// A stage of the guest's boot, in the order in which they are passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootStage {
    /// A stable lower-case name: `kernel`, `modules`, `root`, `data disk`, `network`, `engine modules`,
    /// `engine launched` (dockerd's process exists), `containerd` (its socket exists), `engine` (`/_ping` answers).
    pub name: String,
    /// Milliseconds from the guest's boot to the end of the stage.
    pub uptime_ms: u64,
}

/// Whether the engine can be used. A probe's result, never a remembered intention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineState {
    /// Not running, and not meant to.
    Stopped,
    /// Started; does not answer `/_ping` yet.
    Starting,
    /// Answers `/_ping`.
    Ready {
        /// dockerd's version, from `/version`.
        version: String,
        /// The newest API version it speaks.
        api_version: String,
    },
    /// It ended, or stopped answering; the agent tries again.
    Unhealthy {
        /// The cause in words, with the last lines of its log where they help.
        reason: String,
        /// How often it was restarted since it was last ready.
        restarts: u32,
    },
}

/// The data disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataDisk {
    /// Mounted and writable.
    Mounted {
        /// Size of its file system in bytes.
        size_bytes: u64,
        /// Bytes free for the engine.
        free_bytes: u64,
        /// Whether this boot formatted it, because it was blank.
        formatted: bool,
    },
    /// Not mounted, so that nothing on it is lost. The engine does not start.
    Unusable {
        /// Why, and what to do.
        reason: String,
    },
}
