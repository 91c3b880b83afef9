//! Processor time and memory of host processes, from `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// The host processes of a machine, each with its role.
#[derive(Clone, Debug, Default)]
pub struct Processes(pub Vec<(&'static str, u32)>);

impl Processes {
    /// Processor time (user and system) that all of them used so far.
    pub fn cpu(&self) -> Result<Duration> {
        self.0.iter().map(|(_, pid)| cpu_of(*pid)).sum()
    }

    /// The process id of a role.
    pub fn pid(&self, role: &str) -> Option<u32> {
        self.0.iter().find(|(name, _)| *name == role).map(|(_, pid)| *pid)
    }
}

/// Processor time (user and system) of one process and its threads.
pub fn cpu_of(pid: u32) -> Result<Duration> {
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    let ticks = ticks(&stat).with_context(|| format!("/proc/{pid}/stat is not understood"))?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(ticks * 1000 / per_second))
}

/// User plus system ticks: fields 14 and 15, counted after the parenthesised name, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Resident memory of a process in KiB.
pub fn rss_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .with_context(|| format!("/proc/{pid}/status has no VmRSS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_skips_a_hostile_process_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 1 0 5 1 1";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("nonsense"), None);
    }
}
