//! Ending the host agent, and seeing that it is gone.
//!
//! It answers when the machine is down, which has limits of its own in the host agent and may take as long as the
//! containers' grace. Meanwhile it is asked now and then whether it still answers anything. After that it has nothing
//! left to do: if its lock is not free soon, something is wrong.

use std::{pin::pin, time::Duration};

use api::{Client, ClientError};
use platform::{Folders, OwnerLock};
use tokio::time::{Instant, sleep};

use crate::{
    failure::{Exit, Failure},
    session,
};

/// How often a host agent that stops its machine is asked whether it still answers.
const SIGN_OF_LIFE_INTERVAL: Duration = Duration::from_secs(5);
/// How long its process may take to end when the machine is down.
const RELEASE_LIMIT: Duration = Duration::from_secs(15);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Ends the host agent with process id `pid`. Returns when its machine is down and another one could take its place.
pub async fn end(client: &Client, pid: u32, folders: &Folders) -> Result<(), Failure> {
    match quit(client).await {
        Ok(()) => {}
        // It ended before its answer came, as when somebody else ends it too: the lock tells.
        Err(ClientError::Http(_) | ClientError::Connect { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let deadline = Instant::now() + RELEASE_LIMIT;
    while !is_gone(pid, folders).await? {
        if Instant::now() >= deadline {
            return Err(Failure::new(format!(
                "the host agent (process {pid}) has not ended {} s after it was asked to",
                RELEASE_LIMIT.as_secs()
            ))
            .exit(Exit::Timeout)
            .hint("see `pinnace logs host-agent`; if it hangs, end that process"));
        }
        sleep(LOOK_INTERVAL).await;
    }
    Ok(())
}

/// Asks it to end. Fails when it stops answering.
async fn quit(client: &Client) -> Result<(), ClientError> {
    let mut answer = pin!(client.quit());
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            () = sleep(SIGN_OF_LIFE_INTERVAL) => {
                if let Err(hung @ ClientError::Hung { .. }) = client.status().await {
                    return Err(hung);
                }
            }
        }
    }
}

/// Whether it neither listens nor owns the machine; another one may do so already.
async fn is_gone(pid: u32, folders: &Folders) -> Result<bool, Failure> {
    let lock = folders.owner_lock();
    if OwnerLock::holder(&lock).is_some_and(|holder| holder != pid.to_string()) {
        return Ok(true);
    }
    if session::connect(&folders.api_socket).await?.is_some() {
        return Ok(false);
    }
    // A host agent that begins right now waits out this moment in which the lock is ours.
    let free = OwnerLock::try_acquire(&lock).map_err(|error| Failure::caused_alone(&error))?;
    Ok(free.is_some())
}
