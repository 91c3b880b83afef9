//! What the two agents of a machine without a VM hold in memory.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, ensure};

use crate::{DriverKind, Machine, programs::rss_kib};

/// The guest agent's program as the driver names it, as the kernel tells it.
const GUEST_AGENT: &str = "guest-agent";

/// Resident memory of both agents, in KiB.
pub fn agents_kib(machine: &Machine) -> Result<u64> {
    ensure!(
        machine.driver == DriverKind::Fake,
        "a VM's own memory is out of reach"
    );
    let status = machine.pinnace.status()?;
    let outer = status.machine.pid.context("no process of the machine")?;
    let guests = descendants(outer);
    let guests: Vec<u32> = guests.into_iter().filter(|pid| is_guest_agent(*pid)).collect();
    ensure!(!guests.is_empty(), "process {outer} has no guest agent below it");
    let mut sum = rss_kib(status.host_agent.pid)?;
    for pid in guests {
        sum += rss_kib(pid)?;
    }
    Ok(sum)
}

fn is_guest_agent(pid: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end() == GUEST_AGENT
}

/// Every process that a process started, and what those started.
fn descendants(root: u32) -> Vec<u32> {
    let mut children = BTreeMap::<u32, Vec<u32>>::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut unseen = vec![root];
    while let Some(pid) = unseen.pop() {
        let below = children.remove(&pid).unwrap_or_default();
        unseen.extend(&below);
        found.extend(below);
    }
    found
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}
