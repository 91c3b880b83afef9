//! Memory on Linux: `/proc/meminfo`, proc_meminfo(5).

use std::fs;

use super::Memory;

/// The host's memory.
pub fn memory() -> Option<Memory> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let bytes = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim()
            .strip_suffix("kB")?
            .trim()
            .parse::<u64>()
            .ok()?
            .checked_mul(1024)
    };
    Some(Memory {
        total_bytes: bytes("MemTotal:")?,
        available_bytes: bytes("MemAvailable:"),
    })
}
