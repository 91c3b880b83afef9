//! Ends every process that is left, before the disk is unmounted.

use std::{fs, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

const TERM_LIMIT: Duration = Duration::from_secs(2);
const KILL_LIMIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// SIGTERM to all but PID 1 and ourselves, then SIGKILL to those that are left. Only in a process namespace of our
/// own: an agent that was not forked by PID 1 would hit its host.
pub async fn end_all() {
    if rustix::process::getppid() != Some(Pid::INIT) || rustix::process::getpid() == Pid::INIT {
        return;
    }
    for (signal, limit) in [(Signal::TERM, TERM_LIMIT), (Signal::KILL, KILL_LIMIT)] {
        let end = Instant::now() + limit;
        for pid in left() {
            // It may have ended just now.
            let _ = kill_process(pid, signal);
        }
        while !left().is_empty() && Instant::now() < end {
            sleep(POLL).await;
        }
    }
}

/// Processes with a program of their own: not the kernel's threads, not those that only wait to be reaped.
fn left() -> Vec<Pid> {
    let own = [Pid::INIT, rustix::process::getpid()];
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
        .filter(|pid| !own.contains(pid))
        .filter(|pid| {
            let path = format!("/proc/{}/cmdline", pid.as_raw_nonzero());
            fs::read(path).is_ok_and(|cmdline| !cmdline.is_empty())
        })
        .collect()
}
