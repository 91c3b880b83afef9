//! `pinnace daemon`: the host agent by hand.

use std::process::Command;

use api::MachineState;

use super::Outcome;
use crate::{
    args::DaemonArgs,
    failure::{Exit, Failure},
    host_agent, output, session, sys,
};

/// Becomes the host agent. Returns only when that failed, or where a process cannot be replaced.
pub fn foreground() -> Outcome {
    let program = host_agent::program()?;
    let code = sys::replace_process(Command::new(&program))
        .map_err(|error| Failure::caused(format!("failed to run {}", program.display()), &error))?;
    Ok(Exit::Guest(code))
}

/// Starts the host agent in the background, or ends it.
pub async fn run(args: DaemonArgs) -> Outcome {
    let folders = session::folders()?;
    let running = session::connect(&folders.api_socket).await?;
    if args.stop {
        let Some(client) = running else {
            output::note("the host agent is not running");
            return Ok(Exit::Success);
        };
        let status = client.status().await?;
        output::note(match status.machine.state {
            MachineState::Stopped | MachineState::Failed => "ending the host agent",
            _ => "stopping the machine and ending the host agent",
        });
        host_agent::ending::end(&client, status.host_agent.pid, &folders).await?;
        output::note("host agent ended");
        return Ok(Exit::Success);
    }
    let already_running = running.is_some();
    let client = match running {
        Some(client) => client,
        None => host_agent::start(&folders).await?,
    };
    let pid = client.status().await?.host_agent.pid;
    let how = if already_running {
        "is already running"
    } else {
        "runs"
    };
    output::note(&format!("the host agent {how}, pid {pid}"));
    Ok(Exit::Success)
}
