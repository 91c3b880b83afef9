//! PID 1: forks once, then only reaps.
//!
//! ```text
//!   PID 1 ── fork, before any thread exists ──► agent (threads, tokio, everything that may fail)
//!     │                                           │
//!     └── wait for any child …                    └── ends: 0 = orderly, everything is unmounted; else a defect
//!              orphans: forgotten
//!              the agent, 0: power off (machine) or exit 0 (process)
//!              the agent, else: say so on the console and exit, so that the kernel panics and the host notices
//! ```

use std::{fs::OpenOptions, io::Write as _, process};

use anyhow::Context;
use rustix::{
    io::Errno,
    process::{Pid, WaitOptions, WaitStatus},
    system::{RebootCommand, reboot},
};

/// Which of the two the caller is after the fork.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Still PID 1; the agent is that process.
    Reaper(Pid),
    /// The new process.
    Agent,
}

/// What an orderly end of the agent means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderlyEnd {
    /// The machine is powered off.
    PowerOff,
    /// PID 1 exits with status 0, and its namespaces end with it.
    Exit,
}

/// Forks. Must be called while the process has one thread.
#[expect(unsafe_code, reason = "fork has no safe form")]
pub fn fork() -> anyhow::Result<Role> {
    // SAFETY: the process has one thread (callers are PID 1 before it starts anything), so the child inherits no lock
    // that another thread holds.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(std::io::Error::last_os_error()).context("failed to fork the agent"),
        0 => Ok(Role::Agent),
        pid => Pid::from_raw(pid)
            .map(Role::Reaper)
            .context("fork gave no process id"),
    }
}

/// Reaps until the agent ends, then ends the machine.
pub fn reap(agent: Pid, end: OrderlyEnd) -> ! {
    let status = loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == agent => break Some(status),
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => break None,
        }
    };
    if status.and_then(WaitStatus::exit_status) == Some(0) {
        finish(end)
    }
    let how = status.map_or_else(|| "unknown".to_owned(), describe);
    die(&format!("the guest agent ended unexpectedly: {how}"), end)
}

/// Ends the machine because of a defect. For the machine profile the kernel panics when PID 1 exits: its driver sees
/// a crash and not a clean power-off.
pub fn die(reason: &str, end: OrderlyEnd) -> ! {
    let line = format!("pinnace: {reason}\n");
    // There is nobody left to tell if this fails.
    let _ = match end {
        OrderlyEnd::PowerOff => OpenOptions::new()
            .write(true)
            .open("/dev/console")
            .and_then(|mut console| console.write_all(line.as_bytes())),
        OrderlyEnd::Exit => std::io::stderr().write_all(line.as_bytes()),
    };
    rustix::fs::sync();
    process::exit(1)
}

fn finish(end: OrderlyEnd) -> ! {
    if end == OrderlyEnd::PowerOff {
        rustix::fs::sync();
        if let Err(errno) = reboot(RebootCommand::PowerOff) {
            die(&format!("failed to power off: {errno}"), end);
        }
    }
    process::exit(0)
}

fn describe(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => format!("wait status {:#x}", status.as_raw()),
    }
}
