//! The agent: what all parts share, and the requests it performs.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use link::Stalls;
use protocol::{AgentError, DataDisk, ErrorCode, Reply, Request, ShareSpec};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    board::Board,
    clock::{self, ClockChange},
    container_process::{self, Container},
    data_disk::Mounted,
    engine::{Engine, Surroundings},
    publish::Publications,
    ring::LogRing,
    share::{Ground, Shares},
    shell::Terminals,
};

const DAEMON_LOG_BYTES: usize = 1 << 20;
/// The kernel's modules are loaded by then, or never.
const SHARES_READY_LIMIT: Duration = Duration::from_secs(60);

/// What all parts share. Clones share it.
#[derive(Clone, Debug)]
pub struct Agent {
    /// What is known.
    pub board: Board,
    /// The logs.
    pub logs: Logs,
    /// Open terminals.
    pub terminals: Terminals,
    /// What is published.
    pub publications: Publications,
    /// What the host shares.
    pub shares: Shares,
    /// What the engine is told of the host's network.
    pub surroundings: Surroundings,
    /// The writes of forwards that make no progress.
    pub stalls: Stalls,
    own_machine: bool,
    parts: Arc<Parts>,
    shutdown: mpsc::UnboundedSender<Duration>,
}

/// The logs that are kept.
#[derive(Clone, Debug)]
pub struct Logs {
    /// The agent's own.
    pub agent: LogRing,
    /// dockerd's.
    pub engine: LogRing,
    /// containerd's.
    pub containerd: LogRing,
}

/// What comes up while the agent already answers.
#[derive(Debug, Default)]
struct Parts {
    engine: OnceLock<Engine>,
    data_disk: OnceLock<Mounted>,
}

impl Agent {
    /// An agent without parts. `own_machine`: clock and disks are the machine's own, not those of a host it shares.
    /// Shutdowns that are asked for arrive on the receiver, each with its grace.
    pub fn new(
        board: Board,
        agent_log: LogRing,
        own_machine: bool,
    ) -> (Self, mpsc::UnboundedReceiver<Duration>) {
        let (shutdown, asked) = mpsc::unbounded_channel();
        let logs = Logs {
            agent: agent_log,
            engine: LogRing::new(DAEMON_LOG_BYTES),
            containerd: LogRing::new(DAEMON_LOG_BYTES),
        };
        let (terminals, publications, parts) =
            (Terminals::default(), Publications::default(), Arc::default());
        let shares = Shares::new(if own_machine {
            Ground::Machine
        } else {
            Ground::Process
        });
        (
            Self {
                board,
                logs,
                terminals,
                publications,
                shares,
                surroundings: Surroundings::default(),
                stalls: Stalls::default(),
                own_machine,
                parts,
                shutdown,
            },
            asked,
        )
    }

    /// The engine, once it was started.
    pub fn engine(&self) -> Option<&Engine> {
        self.parts.engine.get()
    }

    /// The data disk, once it is mounted.
    pub fn data_disk(&self) -> Option<&Mounted> {
        self.parts.data_disk.get()
    }

    /// Notes that the engine was started.
    pub fn set_engine(&self, engine: Engine) {
        // It is started once.
        let _ = self.parts.engine.set(engine);
    }

    /// Notes that the data disk is mounted and tells the host.
    pub fn set_data_disk(&self, disk: Mounted) {
        self.board.set_data_disk(disk.describe());
        // It is mounted once.
        let _ = self.parts.data_disk.set(disk);
    }

    /// Does what the host asks.
    pub async fn perform(&self, request: Request) -> Result<Reply, AgentError> {
        match request {
            Request::Facts => Ok(Reply::Facts(self.facts())),
            Request::SetTime { unix_ms } => self.set_time(unix_ms),
            Request::Shutdown { grace_ms } => {
                self.shutdown
                    .send(Duration::from_millis(grace_ms))
                    .map_err(|_| not_ready("the agent is ending"))?;
                Ok(Reply::Done)
            }
            Request::GrowDataDisk => {
                let disk = self.own_disk()?;
                let agent = self.clone();
                blocking(move || disk.grow().map(|_| disk.describe()))
                    .await
                    .map(|found: DataDisk| {
                        agent.board.set_data_disk(found);
                        Reply::Done
                    })
            }
            Request::RestartEngine => {
                let engine = self
                    .engine()
                    .ok_or_else(|| not_ready("the engine was not started"))?;
                engine.restart().await;
                Ok(Reply::Done)
            }
            Request::Trim => {
                let disk = self.own_disk()?;
                blocking(move || disk.trim())
                    .await
                    .map(|bytes| Reply::Trimmed { bytes })
            }
            Request::ResizeShell { token, columns, rows } => {
                match self.terminals.resize(token, columns, rows) {
                    Some(Ok(())) => Ok(Reply::Done),
                    Some(Err(error)) => Err(failed(&error.into())),
                    None => Err(not_ready("there is no shell with that token")),
                }
            }
            Request::SetShares { shares } => self.set_shares(shares).await,
            Request::SetNetwork(network) => {
                let surroundings = self.surroundings.clone();
                blocking(move || surroundings.set(network))
                    .await
                    .map(|()| Reply::Done)
            }
            Request::Process { pid, container } => {
                blocking(move || container_process::facts(pid, &Container::new(container)?))
                    .await
                    .map(Reply::Process)
            }
            Request::EndProcess {
                pid,
                container,
                grace_ms,
            } => {
                let container = Container::new(container).map_err(|error| failed(&error))?;
                container_process::end(pid, container, Duration::from_millis(grace_ms))
                    .await
                    .map(|()| Reply::Done)
                    .map_err(|error| failed(&error))
            }
        }
    }

    async fn set_shares(&self, specs: Vec<ShareSpec>) -> Result<Reply, AgentError> {
        if timeout(SHARES_READY_LIMIT, self.shares.ready()).await.is_err() {
            return Err(not_ready("the kernel's modules are not loaded yet"));
        }
        let shares = self.shares.clone();
        let set = blocking(move || Ok(shares.set(&specs))).await?;
        self.shares.note_set();
        let each = set.into_iter().map(|one| one.map_err(|error| failed(&error)));
        Ok(Reply::Shares(each.collect()))
    }

    fn facts(&self) -> protocol::Facts {
        let mut facts = self.board.facts();
        // What is free changes all the time.
        if let Some(disk) = self.data_disk() {
            facts.data_disk = Some(disk.describe());
        }
        facts
    }

    fn set_time(&self, unix_ms: u64) -> Result<Reply, AgentError> {
        if !self.own_machine {
            return Err(unsupported("the clock is the host's"));
        }
        if let ClockChange::Stepped(by_ms) = clock::set_wall_clock(unix_ms).map_err(|error| failed(&error))? {
            tracing::info!(by_ms, "clock stepped");
        }
        Ok(Reply::Done)
    }

    fn own_disk(&self) -> Result<Mounted, AgentError> {
        if !self.own_machine {
            return Err(unsupported("there is no data disk"));
        }
        self.data_disk()
            .cloned()
            .ok_or_else(|| not_ready("the data disk is not mounted"))
    }

    /// An agent that shares its host.
    #[cfg(test)]
    pub fn for_test() -> Self {
        let board = Board::new(clock::Uptime::since_now(), Vec::new());
        Self::new(board, LogRing::new(1 << 16), false).0
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, AgentError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| failed(&error)),
        Err(error) => Err(failed(&error.into())),
    }
}

fn failed(error: &anyhow::Error) -> AgentError {
    AgentError {
        code: ErrorCode::Failed,
        message: format!("{error:#}"),
    }
}

fn not_ready(message: &str) -> AgentError {
    AgentError {
        code: ErrorCode::NotReady,
        message: message.to_owned(),
    }
}

fn unsupported(message: &str) -> AgentError {
    AgentError {
        code: ErrorCode::Unsupported,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn perform_about_a_process_of_no_container_neither_tells_nor_ends_it() {
        let agent = Agent::for_test();
        let (pid, container) = (std::process::id(), "0".repeat(64));
        let asked = Request::Process {
            pid,
            container: container.clone(),
        };
        let error = agent.perform(asked).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Failed);
        assert!(error.message.contains("has no process"), "{}", error.message);

        let ended = Request::EndProcess {
            pid,
            container,
            grace_ms: 0,
        };
        assert_eq!(agent.perform(ended).await, Ok(Reply::Done));
    }

    #[tokio::test]
    async fn perform_about_a_process_of_a_short_id_is_refused() {
        let agent = Agent::for_test();
        let (pid, container) = (std::process::id(), "0123456789ab".to_owned());
        let asked = Request::EndProcess {
            pid,
            container,
            grace_ms: 0,
        };
        assert_eq!(agent.perform(asked).await.unwrap_err().code, ErrorCode::Failed);
    }
}
