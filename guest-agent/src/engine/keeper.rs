//! Keeps one daemon running.
//!
//! ```text
//!            spawn              ends by itself
//!   starting ─────► running ──────────────────► waiting (back-off) ──► starting
//!                     │ restart: SIGTERM, then starting at once
//!                     └ stop: SIGTERM, SIGKILL after the limit ──► stopped, for good
//! ```

use std::{process::ExitStatus, time::Duration};

use tokio::{
    process::Child,
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{backoff::Backoff, capture, daemon::Daemon, layout::Layout, surroundings::Surroundings};
use crate::{limits, ring::LogRing};

/// How long a restart gives a daemon to end by itself.
const RESTART_LIMIT: Duration = Duration::from_secs(15);

/// A daemon as seen from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Counts starts; 0 before the first.
    pub starts: u32,
    /// Its process, while it runs.
    pub pid: Option<u32>,
    /// Why it is not running, or was not before this start.
    pub last_end: Option<String>,
}

/// Talks to a daemon's keeper. Clones share it.
#[derive(Clone, Debug)]
pub struct Keeper {
    orders: mpsc::Sender<Order>,
    run: watch::Receiver<Run>,
}

#[derive(Debug)]
enum Order {
    Restart(oneshot::Sender<()>),
    Stop {
        limit: Duration,
        done: oneshot::Sender<()>,
    },
}

impl Keeper {
    /// Starts the daemon and keeps it.
    pub fn start(daemon: Daemon, layout: Layout, surroundings: Surroundings, log: LogRing) -> Self {
        let (orders, inbox) = mpsc::channel(4);
        let (run, seen) = watch::channel(Run::default());
        tokio::spawn(
            Task {
                daemon,
                layout,
                surroundings,
                log,
                inbox,
                run,
                backoff: Backoff::default(),
            }
            .go(),
        );
        Self { orders, run: seen }
    }

    /// What it does.
    pub fn watch(&self) -> watch::Receiver<Run> {
        self.run.clone()
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.run.borrow().pid
    }

    /// Ends it and starts it anew. Resolves when the old one is gone.
    pub async fn restart(&self) {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Restart(done)).await.is_ok() {
            // A keeper that stopped in between has nothing to restart.
            let _ = wait.await;
        }
    }

    /// Ends it for good: SIGTERM, and SIGKILL when it is still there after the limit.
    pub async fn stop(&self, limit: Duration) {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Stop { limit, done }).await.is_ok() {
            // It fails only when the keeper stopped before.
            let _ = wait.await;
        }
    }
}

struct Task {
    daemon: Daemon,
    layout: Layout,
    surroundings: Surroundings,
    log: LogRing,
    inbox: mpsc::Receiver<Order>,
    run: watch::Sender<Run>,
    backoff: Backoff,
}

impl Task {
    async fn go(mut self) {
        loop {
            let began = Instant::now();
            let end = match self.spawn() {
                Ok(mut child) => match self.attend(&mut child).await {
                    Attended::Ended(end) => end,
                    Attended::Restarted => continue,
                    Attended::Stopped => return,
                },
                Err(error) => format!("failed to start: {error:#}"),
            };
            tracing::warn!(daemon = self.daemon.name(), end, "daemon ended");
            self.run.send_modify(|run| {
                run.pid = None;
                run.last_end = Some(end);
            });
            let wait_until = Instant::now() + self.backoff.after(began.elapsed());
            tokio::select! {
                () = sleep_until(wait_until) => {}
                order = self.inbox.recv() => match order {
                    // It is started at once.
                    Some(Order::Restart(done)) => drop(done),
                    Some(Order::Stop { done, .. }) => {
                        drop(done);
                        return;
                    }
                    None => return,
                },
            }
        }
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let mut command = self.daemon.command(&self.layout, &self.surroundings)?;
        let child = capture::spawn(&mut command, &self.log)?;
        if let Some(pid) = child.id() {
            limits::protect(pid, self.daemon.oom_score());
        }
        tracing::info!(daemon = self.daemon.name(), pid = child.id(), "daemon started");
        self.run.send_modify(|run| {
            run.starts += 1;
            run.pid = child.id();
        });
        Ok(child)
    }

    async fn attend(&mut self, child: &mut Child) -> Attended {
        tokio::select! {
            status = child.wait() => Attended::Ended(self.describe(status)),
            order = self.inbox.recv() => match order {
                Some(Order::Restart(done)) => {
                    end(child, RESTART_LIMIT).await;
                    self.run.send_modify(|run| run.pid = None);
                    drop(done);
                    Attended::Restarted
                }
                Some(Order::Stop { limit, done }) => {
                    end(child, limit).await;
                    self.run.send_modify(|run| run.pid = None);
                    drop(done);
                    Attended::Stopped
                }
                None => {
                    end(child, RESTART_LIMIT).await;
                    Attended::Stopped
                }
            },
        }
    }

    /// How it ended, with the last line of its log, which usually says why.
    fn describe(&self, status: std::io::Result<ExitStatus>) -> String {
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        match self.log.tail(1).lines.first() {
            Some(line) => format!("{} ended with {how}: {line}", self.daemon.name()),
            None => format!("{} ended with {how}", self.daemon.name()),
        }
    }
}

enum Attended {
    Ended(String),
    Restarted,
    Stopped,
}

async fn end(child: &mut Child, limit: Duration) {
    if let Some(pid) = child.id() {
        signal(pid, rustix::process::Signal::TERM);
    }
    if timeout(limit, child.wait()).await.is_err() {
        tracing::warn!(pid = child.id(), "daemon did not end in time and is killed");
        // It is gone either way.
        let _ = child.kill().await;
    }
}

/// Sends a signal to a process that was not waited for yet.
pub fn signal(pid: u32, signal: rustix::process::Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // A process that ended already needs no signal.
        let _ = rustix::process::kill_process(pid, signal);
    }
}
