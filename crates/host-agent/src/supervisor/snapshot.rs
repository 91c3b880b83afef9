//! The machine as everybody else sees it.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use api::VmImageInfo;
use machine::{BootPhase, MachineState, Verdict};
use protocol::{BootStage, EngineState};
use tokio::time::Instant;

use super::MachineSettings;

/// The machine at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its state.
    pub state: MachineState,
    /// Since when it is in this state.
    pub since: SystemTime,
    /// The settings of the present boot, or of the next.
    pub settings: MachineSettings,
    /// What the driver found at the last start.
    pub verdict: Option<Verdict>,
    /// The VM's process.
    pub pid: Option<u32>,
    /// The last boot, complete or under way.
    pub boot: Option<BootRecord>,
    /// The engine, as the guest agent last saw it.
    pub engine: EngineState,
    /// The guest agent's version, while it is connected.
    pub guest_agent: Option<String>,
    /// The VM image of the last boot.
    pub image: Option<VmImageInfo>,
    /// The console's file of the last boot.
    pub console_log: Option<PathBuf>,
}

/// One boot and its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootRecord {
    pub(super) began: Instant,
    pub(super) phase: Option<BootPhase>,
    pub(super) phase_began: Instant,
    /// Phases that are over.
    pub phases: Vec<(BootPhase, Duration)>,
    pub(super) total: Option<Duration>,
    /// The guest's own stages.
    pub stages: Vec<BootStage>,
}
