//! `pinnace stop`.

mod containers;

use api::{MachineState, StopRequest};

use super::{Outcome, status};
use crate::{
    args::StopArgs,
    failure::Exit,
    output::{self, Format},
    session,
};

/// Stops the containers that are named, or the machine. Without a host agent there is none to stop.
pub async fn run(args: StopArgs) -> Outcome {
    if args.which.any() {
        return containers::run(args.which, args.format.format).await;
    }
    let folders = session::folders()?;
    let Some(client) = session::connect(&folders.api_socket).await? else {
        output::note("the machine is already stopped");
        if args.format.format == Format::Json {
            output::json(&status::without_host_agent(&folders))?;
        }
        return Ok(Exit::Success);
    };
    let already_stopped = client.status().await?.machine.state == MachineState::Stopped;
    if !already_stopped {
        output::note(if args.force {
            "pulling the plug"
        } else {
            "stopping containers, engine and machine"
        });
    }
    let grace_ms = args
        .grace
        .map(|grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
    let status = client
        .stop(&StopRequest {
            force: args.force,
            grace_ms,
        })
        .await?;
    output::note(if already_stopped {
        "the machine is already stopped"
    } else {
        "machine stopped"
    });
    if args.format.format == Format::Json {
        output::json(&status)?;
    }
    Ok(Exit::Success)
}
