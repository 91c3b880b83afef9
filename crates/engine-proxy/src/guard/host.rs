//! What the guard needs from outside: whom it watches, whom it asks, who acts.

use std::{collections::BTreeMap, ffi::OsString, fmt::Debug};

use async_trait::async_trait;

use super::Decision;

/// A client's process on the host.
#[async_trait]
pub trait ClientIdentity: Debug + Send + Sync + 'static {
    /// Its id and the time it was started, which together are nobody else's.
    fn key(&self) -> (u32, u64);

    /// Its command line. May block for a moment. `None` when it cannot be read.
    fn arguments(&self) -> Option<Vec<OsString>>;

    /// Resolves when it ended, with its exit code where the OS tells.
    async fn exited(&self) -> Option<u32>;
}

/// Answers the guard's questions, acts for it, keeps its records.
#[async_trait]
pub trait GuardHost: Debug + Send + Sync + 'static {
    /// The container as it is now. `None` when it cannot be asked, or is gone: then nothing is done.
    async fn container(&self, container: &str) -> Option<ContainerNow>;

    /// A process of the container as it is now; `pid` is the guest's. `None` when it cannot be asked, or is not the
    /// container's: then nothing is done.
    async fn process(&self, pid: u32, container: &str) -> Option<ProcessNow>;

    /// Stops the container; `None` waits as long as the container wants it. Resolves when it is down.
    async fn stop(&self, container: &str, timeout_s: Option<i64>) -> Result<(), String>;

    /// Removes a container that does not run. Must fail when it does.
    async fn remove(&self, container: &str) -> Result<(), String>;

    /// Ends the processes of an exec: HUP, TERM, KILL. Succeeds when they have ended already.
    async fn end_exec(&self, exec: &str) -> Result<(), String>;

    /// Keeps a decision. Must not block.
    fn record(&self, decision: Decision);
}

/// A container at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerNow {
    /// Its full id.
    pub id: String,
    /// Its name, without a slash.
    pub name: String,
    /// Whether it runs. Paused ones do.
    pub running: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// The main process in the guest; 0 when it does not run.
    pub pid: u32,
    /// Whether it has a terminal.
    pub tty: bool,
    /// The signal that stops it, by name or number. `None` is SIGTERM.
    pub stop_signal: Option<String>,
    /// Its labels, those of its image too.
    pub labels: BTreeMap<String, String>,
    /// Its restart policy; empty and `no` are none.
    pub restart_policy: String,
    /// Differs between any two runs of the container, such as the time of its start.
    pub run_marker: String,
}

/// A process at one moment. Bit *n* - 1 of a mask is signal *n*, as in `/proc/PID/status` (proc_pid_status(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessNow {
    /// Its name.
    pub program: String,
    /// Signals that it catches (`SigCgt`).
    pub caught: u64,
    /// Signals that it blocks (`SigBlk`). They wait for it, also where it has no handler: tini takes them so.
    pub blocked: u64,
    /// Signals that it ignores (`SigIgn`).
    pub ignored: u64,
    /// Its terminal, if it has one.
    pub terminal: Option<TerminalNow>,
}

/// What Ctrl+C does in a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalNow {
    /// Whether the key becomes SIGINT, and is no byte for the program to read.
    pub signals_on: bool,
    /// Whether the process is in the foreground group, which gets it.
    pub foreground: bool,
}
