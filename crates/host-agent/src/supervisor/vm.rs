//! A launched VM and what is known about it.

use std::sync::Arc;

use agent_client::AgentClient;
use link::Link;
use machine::{DriverEvent, Instance};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{Input, boot::Launched, guest};

/// How many of the console's last lines an error shows.
const SHOWN_CONSOLE_LINES: usize = 8;

/// The VM of one run. Dropping it kills the VM and ends the tasks that follow it.
pub(super) struct Vm {
    pub(super) instance: Arc<dyn Instance>,
    pub(super) link: Link,
    pub(super) agent: Option<AgentClient>,
    /// Whether its CPUs stand still at the user's wish.
    pub(super) paused: bool,
    /// Whether they should.
    pub(super) pause_wanted: bool,
    /// Whether the driver is about to pause or resume it.
    pub(super) pause_busy: bool,
    /// Why it stands still, when a write to its data disk failed.
    pub(super) disk_trouble: Option<DiskTrouble>,
    /// Why the accelerator gave up on it, or that its kernel panicked: what its exit will be explained with.
    pub(super) doom: Option<String>,
    /// Whether the accelerator gave up on it.
    pub(super) accelerator_failed: bool,
    /// What the guest agent says about a data disk that cannot be used.
    pub(super) engine_trouble: Option<String>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

/// A write to the data disk failed.
pub(super) struct DiskTrouble {
    pub(super) no_space: bool,
    pub(super) reason: String,
}

impl Vm {
    pub(super) fn adopt(run: u64, launched: Launched, inputs: &mpsc::UnboundedSender<Input>) -> Self {
        let Launched { instance, events } = launched;
        let link = instance.link();
        let tasks = [
            AbortOnDropHandle::new(tokio::spawn(forward(run, events, inputs.clone()))),
            AbortOnDropHandle::new(tokio::spawn(guest::follow(run, link.clone(), inputs.clone()))),
        ];
        Self {
            instance,
            link,
            agent: None,
            paused: false,
            pause_wanted: false,
            pause_busy: false,
            disk_trouble: None,
            doom: None,
            accelerator_failed: false,
            engine_trouble: None,
            _tasks: tasks,
        }
    }

    /// The console's last lines in one piece of text, empty when there are none.
    pub(super) fn console_text(&self) -> String {
        let lines = self.instance.console_tail(SHOWN_CONSOLE_LINES);
        let lines: Vec<_> = lines
            .iter()
            .map(|line| line.trim_end())
            .filter(|line| !line.is_empty())
            .collect();
        if lines.is_empty() {
            String::new()
        } else {
            format!("; console: {}", lines.join(" | "))
        }
    }

    /// Pulls the plug. `DriverEvent::Exited` follows.
    pub(super) fn kill(&self) {
        let instance = Arc::clone(&self.instance);
        tokio::spawn(async move {
            if let Err(error) = instance.kill().await {
                tracing::warn!(%error, "machine not killed");
            }
        });
    }
}

async fn forward(
    run: u64,
    mut events: mpsc::UnboundedReceiver<DriverEvent>,
    inputs: mpsc::UnboundedSender<Input>,
) {
    while let Some(event) = events.recv().await {
        if inputs.send(Input::Driver { run, event }).is_err() {
            break;
        }
    }
}
