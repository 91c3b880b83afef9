//! What `GET /v1/status` answers. Every field is a probe's result, never a remembered intention.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Forward, Share};

/// Everything at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The VM.
    pub machine: MachineInfo,
    /// dockerd and its API.
    pub engine: EngineInfo,
    /// Host endpoints joined to guest endpoints.
    pub forwards: Vec<Forward>,
    /// Host folders offered to the guest.
    pub shares: Vec<Share>,
    /// The VM image that is used, or would be used by the next start.
    pub image: Option<VmImageInfo>,
    /// The process that answers this.
    pub host_agent: HostAgentInfo,
}

/// The VM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MachineInfo {
    /// Its state.
    pub state: MachineState,
    /// The boot phase while `state` is `starting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The cause and the next step while `state` is `degraded` or `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is in this state: RFC 3339, UTC.
    pub since: String,
    /// The driver's name: `qemu`, `vz`, `fake`.
    pub driver: String,
    /// The accelerator: `kvm`, `hvf`, `whpx`, `tcg`, `vz`, `none`. Absent before the first start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<String>,
    /// Why the accelerator is not a better one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator_note: Option<String>,
    /// The VM program's version, as `qemu 7.2.22`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The VM process, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What carries the link: `serial` or `vsock`.
    pub link: String,
    /// The guest agent's version, while it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_agent: Option<String>,
    /// Number of virtual CPUs.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// The last boot, complete or under way. Absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
}

/// The machine's state. The crate `machine` draws how they follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MachineState {
    /// No VM runs.
    Stopped,
    /// On its way up.
    Starting,
    /// Up, and the engine answers.
    Running,
    /// Its CPUs stand still at the user's wish.
    Paused,
    /// Up, but something is wrong that may pass.
    Degraded,
    /// On its way down.
    Stopping,
    /// Down, though nobody asked for it, or never came up.
    Failed,
}

/// One boot of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Boot {
    /// From the start request to the engine's first answer, or until now while the boot goes on. Milliseconds.
    pub total_ms: u64,
    /// Host-side phases in order: `checking image`, `launching`, `kernel`, `agent connected`, `engine starting`.
    pub phases: Vec<Phase>,
    /// The guest's own stages in order, by its clock.
    pub guest_stages: Vec<Phase>,
}

/// A part of a boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// dockerd and its API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EngineInfo {
    /// Its state.
    pub state: EngineState,
    /// dockerd's version, when ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The newest API version that it speaks, when ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The cause when unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where clients reach it: `unix:///…` or `npipe:////./pipe/…`.
    pub endpoint: String,
}

/// Whether the engine can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineState {
    /// Not running.
    Stopped,
    /// Started; does not answer yet.
    Starting,
    /// Answers.
    Ready,
    /// Ended or stopped answering; the guest agent tries again.
    Unhealthy,
}

/// The VM image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VmImageInfo {
    /// Its version.
    pub version: String,
    /// Its architecture: `amd64` or `arm64`.
    pub arch: String,
    /// The sha256 of its manifest, in hex.
    pub sha256: String,
    /// Where it is.
    pub path: String,
}

/// The process that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostAgentInfo {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Warnings worth showing at every look: an ignored setting, an unwritable log.
    pub warnings: Vec<String>,
}
