//! The way to the host agent.

use std::{io::ErrorKind, time::Duration};

use api::{Client, ClientError, MachineState, Status};
use platform::{Folders, LocalAddress};
use tokio::time::{Instant, sleep};

use crate::{
    failure::{Exit, Failure},
    host_agent,
};

/// How long a host agent that was killed may take to be gone.
const ENDING_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks.
const ENDING_PAUSE: Duration = Duration::from_millis(50);

/// The folders and sockets of this user.
pub fn folders() -> Result<Folders, Failure> {
    // These errors say the next step themselves.
    Folders::resolve().map_err(|error| Failure::caused_alone(&error))
}

/// A client if there is a host agent; `None` if there is none.
pub async fn connect(address: &LocalAddress) -> Result<Option<Client>, Failure> {
    match Client::connect(address).await {
        Ok(client) => Ok(Some(client)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A client of the running host agent. Fails with "not running" if there is none.
pub async fn running() -> Result<Client, Failure> {
    match connect(&folders()?.api_socket).await? {
        Some(client) => Ok(client),
        None => Err(Failure::not_running("the machine is not running")),
    }
}

/// A client of the host agent, which is started if there is none.
pub async fn running_or_started() -> Result<Client, Failure> {
    let folders = folders()?;
    match connect(&folders.api_socket).await? {
        Some(client) => Ok(client),
        None => host_agent::start(&folders).await,
    }
}

/// A client of a host agent that answers, which is started if there is none, and its status. One that ends just now, whose
/// socket still takes connections, is replaced.
pub async fn answering_or_started() -> Result<(Client, Status), Failure> {
    let deadline = Instant::now() + ENDING_LIMIT;
    loop {
        let client = running_or_started().await?;
        match client.status().await {
            Ok(status) => return Ok((client, status)),
            Err(ClientError::Http(_)) if Instant::now() < deadline => sleep(ENDING_PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The status, if a host agent runs and answers. Errors count as none: meant for commands that work without it.
pub async fn status_if_running(folders: &Folders) -> Option<Status> {
    let client = connect(&folders.api_socket).await.ok().flatten()?;
    client.status().await.ok()
}

/// Whether nobody listens, as opposed to somebody who cannot be talked to.
fn is_absent(error: &ClientError) -> bool {
    let ClientError::Connect { source, .. } = error else {
        return false;
    };
    // NotADirectory: a file stands where the folder would be; creating the folders says it better. Reset or broken:
    // whoever listened ended while we connected.
    matches!(
        source.kind(),
        ErrorKind::NotFound
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::NotADirectory
    )
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Api(error) => error.into(),
            ClientError::Hung { .. } => Self::caused_alone(&error).exit(Exit::Timeout).hint(
                "see `pinnace logs host-agent`; if it hangs, end the process that `pinnace doctor` names",
            ),
            ClientError::Http(_) => Self::caused_alone(&error)
                .hint("the host agent may have ended; see `pinnace status` and `pinnace logs host-agent`"),
            ClientError::Answer { .. } | ClientError::Unexpected { .. } => Self::caused_alone(&error)
                .hint("host agent and client may be of different versions; see `pinnace version`"),
            ClientError::Connect { .. } => Self::caused_alone(&error).hint("see `pinnace doctor`"),
        }
    }
}

/// The name of a state, as `status --format json` has it.
pub fn state_name(state: MachineState) -> &'static str {
    match state {
        MachineState::Stopped => "stopped",
        MachineState::Starting => "starting",
        MachineState::Running => "running",
        MachineState::Paused => "paused",
        MachineState::Degraded => "degraded",
        MachineState::Stopping => "stopping",
        MachineState::Failed => "failed",
    }
}
