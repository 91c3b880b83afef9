//! The host agent's own way to the engine.

use std::{fmt, io};

use engine_client::{Connect, Io};
use machine::MachineState;

use crate::{failure::chain, supervisor::Supervisor};

/// Connects to the engine in the machine that a supervisor owns.
#[derive(Clone)]
pub struct EngineConnect {
    /// Owns the machine.
    pub supervisor: Supervisor,
}

impl fmt::Debug for EngineConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConnect").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Connect for EngineConnect {
    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        let state = self.supervisor.snapshot().state;
        // A paused machine would leave the caller waiting without a word.
        let agent = match state {
            MachineState::Paused => None,
            _ => self.supervisor.agent(),
        };
        let agent = agent.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, unreachable(&state)))?;
        match agent.open_engine().await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(io::Error::other(chain(&error))),
        }
    }
}

/// Why the engine of a machine in this state cannot be reached, and the next step.
pub fn unreachable(state: &MachineState) -> String {
    match state {
        MachineState::Stopped => "the machine is stopped: run `pinnace start`".to_owned(),
        MachineState::Starting { phase } => {
            format!(
                "the machine is starting ({}): try again in a moment",
                phase.name()
            )
        }
        MachineState::Stopping => "the machine is stopping".to_owned(),
        MachineState::Paused => "the machine is paused: run `pinnace resume`".to_owned(),
        MachineState::Failed { reason } => format!("the machine failed: {reason}"),
        MachineState::Degraded { reason } => reason.clone(),
        MachineState::Running => "the connection to the machine is being restored".to_owned(),
    }
}
