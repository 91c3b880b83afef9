//! Notices that the machine is down: whatever its containers had on the host ends with it. And that it is paused: then
//! nothing is taken from connections, and none is to blame.

use link::Stalls;
use machine::MachineState;
use tokio::sync::{mpsc, watch};

use super::input::Input;
use crate::supervisor::Snapshot;

/// Tells each time, until the supervisor ends. A pause is no end: what is bound stays so.
pub async fn follow(mut snapshots: watch::Receiver<Snapshot>, inputs: mpsc::Sender<Input>) {
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

/// Counts no writes that make no progress while the machine is paused, until the supervisor ends.
pub async fn pause(mut snapshots: watch::Receiver<Snapshot>, stalls: Stalls) {
    loop {
        let paused = snapshots.borrow_and_update().state == MachineState::Paused;
        stalls.suspend(paused);
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}
