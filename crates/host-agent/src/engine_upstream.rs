//! Where the endpoint's requests go: to dockerd in the machine, which is started or resumed for them where the user chose
//! that.

use engine_client::Connect as _;
use engine_proxy::{Io, Unavailable, Upstream};
use machine::MachineState;

use crate::{engine_connect::EngineConnect, failure::sentence, share::Shares};

/// The endpoint's way to the engine.
#[derive(Debug)]
pub struct EngineUpstream {
    /// The way there while the machine runs.
    pub connect: EngineConnect,
    /// Whether a request starts or resumes the machine.
    pub on_demand: bool,
    /// Folders of the host in the machine, where requests name them.
    pub shares: Shares,
}

impl EngineUpstream {
    /// Resolves when the machine runs, or does not.
    async fn wake(&self) -> Result<(), Unavailable> {
        let supervisor = &self.connect.supervisor;
        let woken = match supervisor.snapshot().state {
            MachineState::Stopped | MachineState::Failed { .. } | MachineState::Starting { .. } => {
                supervisor.start().await
            }
            MachineState::Paused => supervisor.resume().await,
            MachineState::Running | MachineState::Degraded { .. } | MachineState::Stopping => Ok(()),
        };
        woken.map_err(|error| Unavailable(sentence(&error)))
    }
}

#[async_trait::async_trait]
impl Upstream for EngineUpstream {
    async fn open(&self) -> Result<Box<dyn Io>, Unavailable> {
        if self.on_demand {
            self.wake().await?;
        }
        match self.connect.connect().await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Unavailable(error.to_string())),
        }
    }

    async fn ready(&self) -> Result<(), Unavailable> {
        if self.on_demand {
            self.wake().await?;
        }
        self.shares.settled().await;
        Ok(())
    }
}
