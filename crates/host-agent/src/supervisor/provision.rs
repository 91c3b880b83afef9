//! What a boot needs from outside of the supervisor: settings, VM image, data disk, driver.

use std::{path::PathBuf, sync::Arc, time::Duration};

use api::{ApiError, ResetPlan, ResetRequest, VmImageInfo};
use async_trait::async_trait;
use machine::{Driver, MachineSpec};

/// Finds and checks what the machine boots from, and takes it away in a reset.
#[async_trait]
pub trait Provision: Send + Sync + 'static {
    /// The settings as they are now; defaults where they are unusable.
    fn settings(&self) -> MachineSettings;

    /// The VM image that the next start would use, as its manifest describes it; its files are not checked.
    fn image(&self) -> Option<VmImageInfo>;

    /// Checks everything that a boot needs. Called at every start. The error names the next step.
    async fn provision(&self) -> Result<Provisioned, ApiError>;

    /// Deletes what a reset deletes, or says what would go. Only called while no VM runs.
    async fn reset(&self, request: ResetRequest) -> Result<ResetPlan, ApiError>;

    /// Bytes free where the data disk is.
    fn free_space(&self) -> std::io::Result<u64>;
}

/// What the status shows before the first boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineSettings {
    /// The driver's name.
    pub driver: String,
    /// What carries the link.
    pub link: String,
    /// Number of virtual CPUs.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Warnings worth showing at every look.
    pub warnings: Vec<String>,
}

/// Everything that a boot needs, checked.
#[derive(Clone)]
pub struct Provisioned {
    /// Who boots it.
    pub driver: Arc<dyn Driver>,
    /// What to boot.
    pub spec: MachineSpec,
    /// What the status shows.
    pub settings: MachineSettings,
    /// The VM image, where one is used.
    pub image: Option<VmImageInfo>,
    /// Where the console's text is kept.
    pub console_log: PathBuf,
    /// How long containers may take to stop.
    pub stop_grace: Duration,
    /// Whether the machine is started again after a crash.
    pub restart: bool,
}
