//! Becoming the one process of this user that owns the machine.

use std::time::Duration;

use anyhow::{Context, bail};
use platform::{Folders, OwnerLock};
use tokio::time::{Instant, sleep};

/// How long another owner may be on its way in or out: it holds the lock before it serves, and a little longer.
const PASSING_LIMIT: Duration = Duration::from_secs(5);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Whose the machine is.
pub enum Ownership {
    /// Ours until the lock is dropped.
    Ours(OwnerLock),
    /// Another host agent's, which answers.
    Another {
        /// What is known about it.
        holder: String,
    },
}

/// Takes the lock, or finds who holds it. Fails when the holder does not answer.
pub async fn acquire(folders: &Folders) -> anyhow::Result<Ownership> {
    let path = folders.owner_lock();
    let deadline = Instant::now() + PASSING_LIMIT;
    loop {
        if let Some(lock) =
            OwnerLock::try_acquire(&path).context("failed to become the owner of the machine")?
        {
            return Ok(Ownership::Ours(lock));
        }
        let holder = OwnerLock::holder(&path)
            .map_or_else(|| "an unknown process".to_owned(), |pid| format!("process {pid}"));
        if api::Client::connect(&folders.api_socket).await.is_ok() {
            return Ok(Ownership::Another { holder });
        }
        if Instant::now() >= deadline {
            bail!(
                "another host agent ({holder}) owns the machine and does not answer at {}; if it hangs, end that process",
                folders.api_socket
            );
        }
        sleep(LOOK_INTERVAL).await;
    }
}
