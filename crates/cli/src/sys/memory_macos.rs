//! Memory on macOS: the `sysctl` program, which spares an unsafe call for a number that is read once.

use std::process::Command;

use super::Memory;

/// The host's memory.
pub fn memory() -> Option<Memory> {
    let output = Command::new("/usr/sbin/sysctl")
        .args(["-n", "hw.memsize"])
        .output()
        .ok()?;
    let total_bytes = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    // Free pages say little on macOS, which keeps as few of them as it can.
    Some(Memory {
        total_bytes,
        available_bytes: None,
    })
}
