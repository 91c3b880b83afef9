//! Notices that the machine is paused: then nothing is taken from connections, and none is to blame.

use link::Stalls;
use machine::MachineState;
use tokio::sync::watch;

use crate::supervisor::Snapshot;

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
