//! A child process that never outlives us, however we end.
//!
//! ```text
//!   spawn ──► running ──(it ends, kill(), drop, our own death)──► ended ──► reaped by its waiter thread
//! ```
//!
//! Linux: the kernel kills it when the thread that spawned it ends, so one thread that lives as long as the process
//! spawns them all. Windows: a Job Object that ends with its last handle. macOS: a watcher process in the child's
//! process group (`sys/unix/watcher.rs`).
//!
//! A process id is used only while the process cannot have been reaped: the waiter learns of the end without reaping,
//! and reaps under the lock that [`TiedChild::kill`] takes. So a kill never reaches a stranger who got the number.

use std::{
    io,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::watch;

use crate::sys::os;

/// A child process whose life is tied to ours. Dropping it kills it.
#[derive(Debug)]
pub struct TiedChild {
    /// Its input, when the command asked for a pipe.
    pub stdin: Option<ChildStdin>,
    /// Its output, when the command asked for a pipe.
    pub stdout: Option<ChildStdout>,
    /// Its error output, when the command asked for a pipe.
    pub stderr: Option<ChildStderr>,
    pid: u32,
    held: Arc<Mutex<Held>>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

#[derive(Debug)]
struct Held {
    child: Child,
    tie: os::tied_child::Tie,
}

impl TiedChild {
    /// Starts the command in a process group of its own, so that a Ctrl+C at our terminal does not reach it.
    ///
    /// Blocks for as long as starting a program takes; needs no async runtime.
    pub fn spawn(command: Command) -> io::Result<Self> {
        let (mut child, tie) = os::tied_child::spawn(command)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = child.id();
        let end = os::tied_child::End::of(&child);
        let held = Arc::new(Mutex::new(Held { child, tie }));
        let (sender, ended) = watch::channel(None);
        let waiter = {
            let held = Arc::clone(&held);
            move || {
                if let Err(error) = end.and_then(|end| end.wait()) {
                    tracing::warn!(%error, pid, "failed to wait for a child without reaping it");
                }
                sender.send_replace(Some(reap(&held, pid)));
            }
        };
        let tied = Self {
            stdin,
            stdout,
            stderr,
            pid,
            held,
            ended,
        };
        // On failure `tied` is dropped, which kills the child.
        thread::Builder::new()
            .name(format!("child {pid}"))
            .stack_size(128 << 10)
            .spawn(waiter)?;
        Ok(tied)
    }

    /// Its process id, to be shown. Not to be signalled: [`TiedChild::kill`] knows whether it still is this process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Resolves when it has ended. May be called again, and from several tasks.
    pub async fn wait(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        let status = ended
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|status| *status);
        // The waiter thread sends before it ends; only its panic would leave nothing.
        status.unwrap_or_else(os::tied_child::unknown_status)
    }

    /// How it ended; `None` while it runs.
    pub fn status(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// Ends it at once. [`TiedChild::wait`] resolves soon after. No error when it has ended already.
    pub fn kill(&self) -> io::Result<()> {
        let mut held = lock(&self.held);
        let Held { child, tie } = &mut *held;
        tie.kill(child)
    }
}

impl Drop for TiedChild {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            tracing::warn!(%error, pid = self.pid, "failed to kill a dropped child");
        }
    }
}

/// Takes its exit status, after which its process id may become somebody else's.
fn reap(held: &Mutex<Held>, pid: u32) -> ExitStatus {
    lock(held).child.wait().unwrap_or_else(|error| {
        tracing::warn!(%error, pid, "failed to learn how a child ended");
        os::tied_child::unknown_status()
    })
}

/// A panic while it was held leaves nothing half done: the child and its tie are only ever used whole.
fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests;
