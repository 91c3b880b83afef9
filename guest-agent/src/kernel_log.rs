//! The kernel's ring buffer as a log (Documentation/ABI/testing/dev-kmsg).

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _},
    os::unix::fs::OpenOptionsExt as _,
};

use anyhow::Context;
use tokio::io::unix::AsyncFd;

use crate::ring::LogRing;

const RING_BYTES: usize = 512 * 1024;
const RECORD_BYTES: usize = 8192;

/// Reads all there is into a ring and goes on adding to it for as long as somebody else holds the ring.
pub fn open() -> anyhow::Result<LogRing> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open("/dev/kmsg")
        .context("failed to open the kernel's log")?;
    let ring = LogRing::new(RING_BYTES);
    drain(&file, &ring);
    let file = register(file).context("failed to follow the kernel's log")?;
    let follower = ring.clone();
    tokio::spawn(async move {
        // Readers watch the ring; when the last of them is gone, so is the reason to go on.
        while follower.is_watched() {
            tokio::select! {
                ready = file.readable() => {
                    let Ok(mut ready) = ready else { return };
                    drain(file.get_ref(), &follower);
                    ready.clear_ready();
                }
                () = follower.unwatched() => return,
            }
        }
    });
    Ok(ring)
}

#[expect(unsafe_code, reason = "registering a file descriptor has no safe form")]
fn register(file: File) -> std::io::Result<AsyncFd<File>> {
    // SAFETY: the file owns its descriptor and is neither replaced nor closed while it is registered.
    Ok(unsafe { AsyncFd::register(file) }?)
}

/// Reads records until there is none left. Each read gives one record.
fn drain(mut file: &File, ring: &LogRing) {
    let mut record = [0; RECORD_BYTES];
    loop {
        match file.read(&mut record) {
            Ok(0) => return,
            Ok(length) => ring.push(&line(&String::from_utf8_lossy(&record[..length]))),
            // Records were overwritten before they were read; the next read goes on after the gap.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Writes a record as dmesg(1) does. `6,339,5140900,-;text\n KEY=value` → `[    5.140900] text`.
fn line(record: &str) -> String {
    let first = record.lines().next().unwrap_or_default();
    let Some((prefix, text)) = first.split_once(';') else {
        return first.to_owned();
    };
    let Some(micros) = prefix
        .split(',')
        .nth(2)
        .and_then(|field| field.parse::<u64>().ok())
    else {
        return text.to_owned();
    };
    format!("[{:5}.{:06}] {text}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_a_record_has_time_and_text() {
        assert_eq!(
            line("6,339,5140900,-;eth0: up; running\n SUBSYSTEM=net\n"),
            "[    5.140900] eth0: up; running"
        );
        assert_eq!(line("no prefix"), "no prefix");
        assert_eq!(line("x;y"), "y");
        assert_eq!(line(""), "");
    }
}
