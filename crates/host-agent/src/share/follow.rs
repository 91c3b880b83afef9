//! Notices the guest agent's connections, and that the machine is down.

use agent_client::AgentClient;
use machine::MachineState;
use tokio::sync::{mpsc, watch};

use super::input::Input;
use crate::supervisor::Snapshot;

/// Tells of each connection, until the supervisor ends.
pub async fn agents(mut agents: watch::Receiver<Option<AgentClient>>, inputs: mpsc::Sender<Input>) {
    loop {
        let agent = agents.borrow_and_update().clone();
        let input = agent.map_or(Input::Lost, Input::Connected);
        if inputs.send(input).await.is_err() || agents.changed().await.is_err() {
            return;
        }
    }
}

/// Tells each time the machine is down, until the supervisor ends. A pause is no end.
pub async fn machine(mut snapshots: watch::Receiver<Snapshot>, inputs: mpsc::Sender<Input>) {
    let down = |snapshot: &Snapshot| {
        matches!(
            snapshot.state,
            MachineState::Stopped | MachineState::Failed { .. }
        )
    };
    loop {
        if snapshots.wait_for(down).await.is_err() || inputs.send(Input::Down).await.is_err() {
            return;
        }
        if snapshots.wait_for(|snapshot| !down(snapshot)).await.is_err() {
            return;
        }
    }
}
