//! `pinnace start`.

use std::time::Duration;

use api::{Client, ClientError, MachineState, StartRequest, Status};
use tokio::time::timeout;

use super::Outcome;
use crate::{
    args::StartArgs,
    boot_progress::BootProgress,
    docker::{DockerConfig, OUR_CONTEXT},
    failure::{Exit, Failure},
    harmless, host_agent,
    output::{self, Format},
    quantity, session,
};

/// How long after the user's own time limit the host agent may take to say that it has passed.
const ANSWER_MARGIN: Duration = Duration::from_secs(10);

/// Starts the machine, showing how far it is.
pub async fn run(args: StartArgs) -> Outcome {
    let (client, before) = session::answering_or_started().await?;
    host_agent::warn_about_other_version(&before.host_agent);
    let already_running = matches!(
        before.machine.state,
        MachineState::Running | MachineState::Degraded | MachineState::Paused
    );
    let request = start_request(&args);
    let (status, progress) = follow(&client, &args, client.start(&request)).await?;
    report(&args, &status, progress, already_running)
}

/// What is asked of the host agent.
pub fn start_request(args: &StartArgs) -> StartRequest {
    let timeout_ms = args
        .timeout
        .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    StartRequest {
        wait: !args.no_wait,
        timeout_ms,
    }
}

/// Waits for the end of a start or restart while its boot phases are shown.
pub async fn follow(
    client: &Client,
    args: &StartArgs,
    call: impl Future<Output = Result<Status, ClientError>>,
) -> Result<(Status, BootProgress), Failure> {
    let mut progress = BootProgress::new();
    let limit = args
        .timeout
        .map_or(Duration::MAX, |limit| limit.saturating_add(ANSWER_MARGIN));
    let outcome = timeout(limit, progress.during(client, call)).await;
    let late = || {
        Failure::new("the machine did not become ready in time")
            .exit(Exit::Timeout)
            .hint("it goes on starting; see `pinnace status`, or give it more time with `--timeout`")
    };
    let status = outcome.map_err(|_| late())??;
    Ok((status, progress))
}

/// Says how the start ended and what to do next.
pub fn report(
    args: &StartArgs,
    status: &Status,
    mut progress: BootProgress,
    already_running: bool,
) -> Outcome {
    if args.format.format == Format::Json {
        output::json(status)?;
    }
    let machine = &status.machine;
    if args.no_wait && !matches!(machine.state, MachineState::Running | MachineState::Degraded) {
        output::note("the machine is starting");
        output::hint("see `pinnace status`");
        return Ok(Exit::Success);
    }
    if already_running {
        output::note("the machine is already running");
    } else {
        progress.finish(status);
        let total = machine
            .boot
            .as_ref()
            .map(|boot| format!(" in {}", quantity::duration(boot.total_ms)));
        output::note(&format!(
            "machine {}{}{}",
            session::state_name(machine.state),
            total.unwrap_or_default(),
            described_by(status)
        ));
    }
    if let Some(reason) = &machine.reason {
        output::warning(reason);
    }
    if let Some(accelerator_note) = &machine.accelerator_note {
        output::warning(accelerator_note);
    }
    for warning in &status.host_agent.warnings {
        output::warning(warning);
    }
    if !already_running {
        say_what_is_next(&status.engine.endpoint);
    }
    Ok(Exit::Success)
}

/// The first container. The host agent wrote the context where it found docker's configuration when it was started;
/// this shell may have another one.
fn say_what_is_next(endpoint: &str) {
    let ours = DockerConfig::find()
        .and_then(|config| config.context_endpoint(OUR_CONTEXT))
        .is_ok_and(|present| present.as_deref() == Some(endpoint));
    let set_host = "eval \"$(pinnace docker-host --shell)\"";
    if ours {
        output::note(&format!(
            "next: docker --context {OUR_CONTEXT} run --rm hello-world"
        ));
        output::note(&format!("      or set DOCKER_HOST: {set_host}"));
    } else {
        output::note(&format!("next: {set_host}"));
        output::note("      docker run --rm hello-world");
    }
}

/// ` (dockerd 28.5.2, qemu 7.2.22, tcg)`.
fn described_by(status: &Status) -> String {
    let parts = [
        status
            .engine
            .version
            .as_ref()
            .map(|version| format!("dockerd {version}")),
        status.machine.program.clone(),
        status.machine.accelerator.clone(),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .map(|part| harmless::line(&part))
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}
