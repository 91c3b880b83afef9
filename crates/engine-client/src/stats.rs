//! A container's figures, as far as anything here looks at them.
//!
//! Source: `GET /containers/{id}/stats` in the Docker Engine API reference, which also has the formulas of CPU and memory.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One of `GET /containers/{id}/stats`. Every figure is 0, and every map empty, while the container does not run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerStats {
    /// Processors, up to now.
    pub cpu_stats: CpuStats,
    /// Processors, up to the figures before these.
    pub precpu_stats: CpuStats,
    /// Memory now.
    pub memory_stats: MemoryStats,
    /// Networks by interface, up to now. Absent without a network of its own.
    pub networks: Option<BTreeMap<String, NetworkStats>>,
    /// Disks, up to now.
    pub blkio_stats: BlockStats,
    /// Processes now.
    pub pids_stats: ProcessStats,
}

/// Use of processors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CpuStats {
    /// By the container.
    pub cpu_usage: CpuUsage,
    /// By everything in the machine, in nanoseconds.
    pub system_cpu_usage: Option<u64>,
    /// Processors of the machine.
    pub online_cpus: Option<u32>,
}

/// Use of processors by a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CpuUsage {
    /// In nanoseconds.
    pub total_usage: u64,
}

/// Use of memory, in bytes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MemoryStats {
    /// All that is charged to the container, the page cache included.
    pub usage: u64,
    /// The most it may use: its own limit or the machine's memory.
    pub limit: u64,
    /// The kernel's own figures by name.
    pub stats: Option<BTreeMap<String, u64>>,
}

/// What went over an interface, in bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NetworkStats {
    /// To the container.
    pub rx_bytes: u64,
    /// From the container.
    pub tx_bytes: u64,
}

/// What went to and from disks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct BlockStats {
    /// Bytes by disk and direction.
    pub io_service_bytes_recursive: Option<Vec<BlockEntry>>,
}

/// What went to or from one disk.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct BlockEntry {
    /// `read`, `write` in any case, or what is of no interest here.
    pub op: String,
    /// Bytes.
    pub value: u64,
}

/// Processes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProcessStats {
    /// Processes and threads.
    pub current: Option<u64>,
}
