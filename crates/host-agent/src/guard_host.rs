//! What the foreground guard asks of the machine and does to it. Whatever cannot be asked now is answered with `None`: the
//! guard then does nothing.

use std::time::Duration;

use agent_client::AgentClient;
use engine_client::{Engine, Removal};
use engine_proxy::guard::{ContainerNow, Decision, GuardHost, ProcessNow, TerminalNow};
use machine::MachineState;
use tracing::{debug, info};

use crate::{
    failure::chain,
    journal::{Entry, Journal},
    supervisor::Supervisor,
};

/// How long an exec's processes may take to end before they are killed.
const EXEC_GRACE: Duration = Duration::from_secs(4);

/// The guard's hands.
#[derive(Clone)]
pub struct MachineGuardHost {
    /// Knows whether there is a machine to ask.
    pub supervisor: Supervisor,
    /// Asked about containers.
    pub engine: Engine,
    /// Where decisions go.
    pub journal: Journal,
}

impl std::fmt::Debug for MachineGuardHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MachineGuardHost").finish_non_exhaustive()
    }
}

impl MachineGuardHost {
    /// The guest agent, while the machine's CPUs run.
    fn agent(&self) -> Option<AgentClient> {
        let paused = matches!(self.supervisor.snapshot().state, MachineState::Paused);
        self.supervisor.agent().filter(|_| !paused)
    }
}

#[async_trait::async_trait]
impl GuardHost for MachineGuardHost {
    async fn container(&self, container: &str) -> Option<ContainerNow> {
        self.agent()?;
        let details = match self.engine.container(container).await {
            Ok(details) => details,
            Err(error) => {
                debug!(
                    container,
                    error = chain(&error),
                    "guard cannot look at a container"
                );
                return None;
            }
        };
        Some(ContainerNow {
            id: details.id,
            name: details.name.trim_start_matches('/').to_owned(),
            running: details.state.running,
            paused: details.state.paused,
            pid: details.state.pid,
            tty: details.config.tty,
            stop_signal: details.config.stop_signal,
            labels: details.config.labels.unwrap_or_default(),
            restart_policy: details.host_config.restart_policy.name,
            run_marker: details.state.started_at,
        })
    }

    async fn process(&self, pid: u32, container: &str) -> Option<ProcessNow> {
        match self.agent()?.process(pid, container).await {
            Ok(facts) => Some(ProcessNow {
                program: facts.program,
                caught: facts.caught,
                blocked: facts.blocked,
                ignored: facts.ignored,
                terminal: facts.terminal.map(|terminal| TerminalNow {
                    signals_on: terminal.signals_on,
                    foreground: terminal.foreground,
                }),
            }),
            Err(error) => {
                debug!(container, error = chain(&error), "guard cannot look at a process");
                None
            }
        }
    }

    async fn stop(&self, container: &str, timeout_s: Option<i64>) -> Result<(), String> {
        let stopped = self.engine.stop(container, timeout_s).await;
        stopped.map(drop).map_err(|error| chain(&error))
    }

    async fn remove(&self, container: &str) -> Result<(), String> {
        let removed = self.engine.remove(container, Removal::default()).await;
        removed.map_err(|error| chain(&error))
    }

    async fn end_exec(&self, exec: &str) -> Result<(), String> {
        let state = self.engine.exec(exec).await.map_err(|error| chain(&error))?;
        if !state.running || state.pid == 0 {
            return Ok(());
        }
        let agent = self.agent().ok_or("the machine is not running")?;
        let ended = agent
            .end_process(state.pid, &state.container_id, EXEC_GRACE)
            .await;
        ended.map_err(|error| chain(&error))
    }

    fn record(&self, decision: Decision) {
        info!(
            container = decision.container,
            rule = ?decision.rule,
            action = ?decision.action,
            evidence = ?decision.evidence,
            "guard decided"
        );
        self.journal.record(Entry::of_decision(decision));
    }
}
