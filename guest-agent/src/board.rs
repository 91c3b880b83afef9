//! What the agent knows, and who is told when it changes. Everybody reads it; each part writes what it finds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{BootStage, DataDisk, EngineState, Event, Facts};
use tokio::sync::{broadcast, watch};

use crate::clock::Uptime;

/// A session that lags behind by more events is ended; the host asks for the facts anew.
const EVENTS_KEPT: usize = 256;

/// The agent's knowledge. Clones share it.
#[derive(Clone, Debug)]
pub struct Board {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    known: Mutex<Known>,
    events: broadcast::Sender<Event>,
    farewell_sent: watch::Sender<bool>,
    uptime: Uptime,
    boot_id: [u8; 16],
}

#[derive(Debug)]
struct Known {
    stages: Vec<BootStage>,
    engine: EngineState,
    data_disk: Option<DataDisk>,
}

impl Board {
    /// A board with the stages that were passed before the agent came up.
    pub fn new(uptime: Uptime, stages: Vec<BootStage>) -> Self {
        let mut boot_id = [0; 16];
        // Asked after the kernel is up, so it does not fail; zeros would only make two boots look the same.
        let _ = rustix::rand::getrandom(&mut boot_id[..], rustix::rand::GetRandomFlags::empty());
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let (farewell_sent, _) = watch::channel(false);
        let known = Mutex::new(Known {
            stages,
            engine: EngineState::Stopped,
            data_disk: None,
        });
        Self {
            shared: Arc::new(Shared {
                known,
                events,
                farewell_sent,
                uptime,
                boot_id,
            }),
        }
    }

    /// Everything, for the host.
    pub fn facts(&self) -> Facts {
        let known = self.known();
        Facts {
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            boot_id: self.shared.boot_id,
            uptime_ms: self.shared.uptime.now_ms(),
            engine: known.engine.clone(),
            data_disk: known.data_disk.clone(),
            stages: known.stages.clone(),
        }
    }

    /// The events from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// Notes that a boot stage is passed.
    pub fn pass_stage(&self, name: &str) {
        let stage = stage(name, self.shared.uptime);
        tracing::info!(stage = name, uptime_ms = stage.uptime_ms, "boot stage passed");
        self.known().stages.push(stage.clone());
        self.tell(Event::Stage(stage));
    }

    /// Notes the engine's state, if it is another one.
    pub fn set_engine(&self, state: EngineState) {
        {
            let mut known = self.known();
            if known.engine == state {
                return;
            }
            known.engine = state.clone();
        }
        tracing::info!(?state, "engine changed");
        self.tell(Event::Engine(state));
    }

    /// Notes the data disk's state.
    pub fn set_data_disk(&self, disk: DataDisk) {
        self.known().data_disk = Some(disk.clone());
        self.tell(Event::DataDisk(disk));
    }

    /// Tells the host. Nobody listening is fine: the facts have what matters.
    pub fn tell(&self, event: Event) {
        let _ = self.shared.events.send(event);
    }

    /// Notes that the host was sent the last event, [`Event::PoweringOff`].
    pub fn note_farewell_sent(&self) {
        self.shared.farewell_sent.send_replace(true);
    }

    /// Resolves once a session sent the last event.
    pub async fn farewell_sent(&self) {
        // The sender lives in `self`, so waiting does not fail.
        let _ = self.shared.farewell_sent.subscribe().wait_for(|sent| *sent).await;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each step under the lock leaves it whole.
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stage that is passed now.
pub fn stage(name: &str, uptime: Uptime) -> BootStage {
    BootStage {
        name: name.to_owned(),
        uptime_ms: uptime.now_ms(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pass_stage_is_in_facts_and_events() {
        let board = Board::new(Uptime::since_kernel_boot(), Vec::new());
        let mut events = board.events();
        board.pass_stage("network");
        assert_eq!(board.facts().stages[0].name, "network");
        assert!(matches!(events.try_recv(), Ok(Event::Stage(stage)) if stage.name == "network"));
    }

    #[test]
    fn set_engine_same_state_tells_once() {
        let board = Board::new(Uptime::since_kernel_boot(), Vec::new());
        let mut events = board.events();
        board.set_engine(EngineState::Starting);
        board.set_engine(EngineState::Starting);
        assert_eq!(events.try_recv(), Ok(Event::Engine(EngineState::Starting)));
        assert!(events.try_recv().is_err());
    }
}
