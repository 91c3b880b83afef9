//! Notices the guest agent's connections.

use agent_client::AgentClient;
use tokio::sync::{mpsc, watch};

use super::input::Input;

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
