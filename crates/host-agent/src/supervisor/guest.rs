//! Keeps a connection to the guest agent for as long as a VM runs.

use std::time::Duration;

use agent_client::AgentClient;
use link::{Lane, LaneState, Link};
use tokio::sync::mpsc;
use tracing::debug;

use super::Input;

/// Between two tries to connect while the lane is up.
const RETRY: Duration = Duration::from_millis(200);

/// Connects whenever the control lane is up, and passes on what the guest tells. Never ends by itself.
pub(super) async fn follow(run: u64, link: Link, inputs: mpsc::UnboundedSender<Input>) {
    let mut lane = link.lane_state(Lane::Control);
    loop {
        let state = lane.borrow_and_update().clone();
        match state {
            LaneState::Up { .. } => {
                if !connected(run, &link, &inputs).await {
                    tokio::time::sleep(RETRY).await;
                }
                continue;
            }
            LaneState::Incompatible { theirs } => {
                drop(inputs.send(Input::LinkIncompatible { run, theirs }));
            }
            LaneState::Down { .. } => {}
        }
        if lane.changed().await.is_err() {
            return;
        }
    }
}

/// One connection from its beginning to its end. `false` when there was none.
async fn connected(run: u64, link: &Link, inputs: &mpsc::UnboundedSender<Input>) -> bool {
    let (agent, facts, mut events) = match AgentClient::connect(link).await {
        Ok(connection) => connection,
        Err(error) => {
            debug!(%error, "guest agent not reached");
            return false;
        }
    };
    drop(inputs.send(Input::LinkUp {
        run,
        agent,
        facts: Box::new(facts),
    }));
    while let Some(event) = events.recv().await {
        drop(inputs.send(Input::Agent { run, event }));
    }
    drop(inputs.send(Input::LinkDown { run }));
    true
}
