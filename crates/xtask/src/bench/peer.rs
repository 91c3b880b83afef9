//! A machine that is measured.

use std::time::Duration;

use anyhow::Result;

use super::cpu::Processes;

/// A machine that can be started from nothing and stopped again.
pub trait Peer {
    /// Its name in the table.
    fn name(&self) -> &'static str;

    /// Starts it from a machine that was shut down cleanly after its very first boot; returns when the engine has
    /// answered on the host.
    fn start(&mut self) -> Result<Started>;

    /// Shuts it down cleanly.
    fn stop(&mut self) -> Result<()>;
}

/// A machine that runs.
pub struct Started {
    /// From the command to the engine's first answer on the host.
    pub wall: Duration,
    /// Processor time of all its host processes in that time.
    pub cpu: Duration,
    /// Of `wall`, what dockerd took by its own account, from its start to its readiness.
    pub dockerd: Duration,
    /// Parts of the boot, for the report.
    pub phases: Vec<(String, Duration)>,
    /// Its host processes.
    pub processes: Processes,
}
