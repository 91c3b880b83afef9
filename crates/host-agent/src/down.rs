//! Notices that the machine is down.

use machine::MachineState;
use tokio::sync::{mpsc, watch};

use crate::supervisor::Snapshot;

/// Tells each time, until the supervisor ends. A pause is no end.
pub async fn tell<I>(
    mut snapshots: watch::Receiver<Snapshot>,
    inputs: mpsc::Sender<I>,
    input: impl Fn() -> I,
) {
    let down = |snapshot: &Snapshot| {
        matches!(
            snapshot.state,
            MachineState::Stopped | MachineState::Failed { .. }
        )
    };
    loop {
        if snapshots.wait_for(down).await.is_err() || inputs.send(input()).await.is_err() {
            return;
        }
        if snapshots.wait_for(|snapshot| !down(snapshot)).await.is_err() {
            return;
        }
    }
}
