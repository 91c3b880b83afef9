//! What a container uses, from what the engine counts.
//!
//! Source: the formulas of the docker CLI, which the Docker Engine API reference repeats under
//! `GET /containers/{id}/stats`.

use engine_client::{ContainerStats, CpuStats, MemoryStats};
use serde::Serialize;

/// What a container uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Of one processor; two whole ones are 200. Not known from the first count alone.
    pub cpu_percent: Option<f64>,
    /// Memory without what the kernel can take back at once.
    pub memory_bytes: u64,
    /// The most it may use.
    pub memory_limit_bytes: u64,
    /// Received over its networks.
    pub network_received_bytes: u64,
    /// Sent over its networks.
    pub network_sent_bytes: u64,
    /// Read from disks.
    pub block_read_bytes: u64,
    /// Written to disks.
    pub block_written_bytes: u64,
    /// Processes and threads.
    pub processes: u64,
}

impl Figures {
    /// The figures of one answer.
    pub fn of(stats: &ContainerStats) -> Self {
        let networks = || stats.networks.iter().flat_map(|networks| networks.values());
        let blocks = |wanted: &str| {
            let entries = stats.blkio_stats.io_service_bytes_recursive.iter().flatten();
            let fitting = entries.filter(|entry| entry.op.eq_ignore_ascii_case(wanted));
            sum(fitting.map(|entry| entry.value))
        };
        Self {
            cpu_percent: cpu_percent(&stats.precpu_stats, &stats.cpu_stats),
            memory_bytes: memory_bytes(&stats.memory_stats),
            memory_limit_bytes: stats.memory_stats.limit,
            network_received_bytes: sum(networks().map(|network| network.rx_bytes)),
            network_sent_bytes: sum(networks().map(|network| network.tx_bytes)),
            block_read_bytes: blocks("read"),
            block_written_bytes: blocks("write"),
            processes: stats.pids_stats.current.unwrap_or(0),
        }
    }

    /// Memory in percent of the limit.
    pub fn memory_percent(&self) -> f64 {
        if self.memory_limit_bytes == 0 {
            return 0.0;
        }
        self.memory_bytes as f64 / self.memory_limit_bytes as f64 * 100.0
    }
}

fn sum(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::saturating_add)
}

fn cpu_percent(before: &CpuStats, now: &CpuStats) -> Option<f64> {
    let system_before = before.system_cpu_usage.filter(|usage| *usage > 0)?;
    let system = now.system_cpu_usage?.saturating_sub(system_before) as f64;
    let ours = now
        .cpu_usage
        .total_usage
        .saturating_sub(before.cpu_usage.total_usage) as f64;
    if system <= 0.0 {
        return Some(0.0);
    }
    let processors = f64::from(now.online_cpus.unwrap_or(1).max(1));
    Some(ours / system * processors * 100.0)
}

/// cgroup v1 and v2 call the inactive part of the page cache by two names.
fn memory_bytes(memory: &MemoryStats) -> u64 {
    let figure = |name: &str| memory.stats.as_ref().and_then(|stats| stats.get(name)).copied();
    let inactive = figure("total_inactive_file").or_else(|| figure("inactive_file"));
    match inactive {
        Some(inactive) if inactive < memory.usage => memory.usage - inactive,
        _ => memory.usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(json: &str) -> Figures {
        Figures::of(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn figures_of_a_running_container_follow_dockers_formulas() {
        let figures = figures(
            r#"{
            "cpu_stats":{"cpu_usage":{"total_usage":300},"system_cpu_usage":2000,"online_cpus":4},
            "precpu_stats":{"cpu_usage":{"total_usage":100},"system_cpu_usage":1000,"online_cpus":4},
            "memory_stats":{"usage":1000,"limit":4000,"stats":{"inactive_file":200}},
            "networks":{"eth0":{"rx_bytes":1,"tx_bytes":2},"eth1":{"rx_bytes":10,"tx_bytes":20}},
            "blkio_stats":{"io_service_bytes_recursive":[
                {"major":8,"minor":0,"op":"Read","value":5},{"op":"write","value":7},{"op":"Total","value":12},
                {"op":"read","value":6}]},
            "pids_stats":{"current":3,"limit":9}}"#,
        );
        assert_eq!(
            figures,
            Figures {
                cpu_percent: Some(80.0),
                memory_bytes: 800,
                memory_limit_bytes: 4000,
                network_received_bytes: 11,
                network_sent_bytes: 22,
                block_read_bytes: 11,
                block_written_bytes: 7,
                processes: 3,
            }
        );
        assert!((figures.memory_percent() - 20.0).abs() < f64::EPSILON);
    }

    #[test]
    fn figures_of_nothing_are_nothing() {
        let check = |json| assert_eq!(figures(json), Figures::default());
        check("{}");
        check(
            r#"{"memory_stats":{},"networks":null,"blkio_stats":{"io_service_bytes_recursive":null},"pids_stats":{}}"#,
        );
        assert_eq!(Figures::default().memory_percent(), 0.0);
    }

    #[test]
    fn cpu_of_counts_that_do_not_grow_is_none() {
        let json = |before, now| {
            format!(
                r#"{{"cpu_stats":{{"cpu_usage":{{"total_usage":5}},"system_cpu_usage":{now}}},
                "precpu_stats":{{"cpu_usage":{{"total_usage":9}},"system_cpu_usage":{before}}}}}"#
            )
        };
        assert_eq!(figures(&json(10, 10)).cpu_percent, Some(0.0));
        assert_eq!(figures(&json(20, 10)).cpu_percent, Some(0.0));
        assert_eq!(figures(&json(10, 20)).cpu_percent, Some(0.0));
        assert_eq!(figures(&json(0, 20)).cpu_percent, None);
    }
}
