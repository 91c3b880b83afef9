//! `pinnace status`.

use api::{EngineState, ForwardState, MachineState, ShareState, Status};
use platform::Folders;
use serde_json::{Value, json};

use super::Outcome;
use crate::{
    args::FormatArgs,
    failure::Exit,
    forwards,
    output::{self, Format},
    quantity,
    rows::Rows,
    session, shares,
};

/// How many ports are shown; `pinnace ports` has them all.
const SHOWN_PORTS: usize = 10;
/// How many shares are shown; `pinnace share` has them all.
const SHOWN_SHARES: usize = 10;

/// Prints the state of everything. The exit code says whether the engine can be used.
pub async fn run(args: FormatArgs) -> Outcome {
    let folders = session::folders()?;
    let Some(client) = session::connect(&folders.api_socket).await? else {
        match args.format {
            Format::Json => output::json(&without_host_agent(&folders))?,
            Format::Table => {
                let mut rows = Rows::default();
                rows.add("machine", "stopped");
                rows.add("engine", "stopped");
                rows.add("endpoint", folders.engine_socket.to_string());
                output::data(&rows.text())?;
                output::hint("start it with `pinnace start`");
            }
        }
        return Ok(Exit::NotRunning);
    };
    let status = client.status().await?;
    match args.format {
        Format::Json => output::json(&status)?,
        Format::Table => output::data(&table(&status))?,
    }
    let usable = matches!(
        status.machine.state,
        MachineState::Running | MachineState::Degraded
    );
    Ok(if usable { Exit::Success } else { Exit::NotRunning })
}

/// The same shape as a host agent's answer, with what is known when there is none.
pub fn without_host_agent(folders: &Folders) -> Value {
    json!({
        "machine": { "state": "stopped" },
        "engine": { "state": "stopped", "endpoint": folders.engine_socket.to_string() },
        "forwards": [],
        "shares": [],
        "image": null,
        "host_agent": null,
    })
}

fn table(status: &Status) -> String {
    let machine = &status.machine;
    let mut rows = Rows::default();
    rows.add("machine", machine_text(status));
    rows.add_some("reason", machine.reason.as_deref());
    rows.add("engine", engine_text(status));
    rows.add_some("engine reason", status.engine.reason.as_deref());
    rows.add("endpoint", &status.engine.endpoint);
    if let Some(accelerator) = &machine.accelerator {
        let note = machine
            .accelerator_note
            .as_ref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        rows.add("accelerator", format!("{accelerator}{note}"));
    }
    rows.add(
        "hardware",
        format!(
            "{} cpus, {}",
            machine.cpus,
            quantity::size(u64::from(machine.memory_mib) << 20)
        ),
    );
    // The program's name says the driver's, where there is a program.
    let driver = machine.program.as_ref().unwrap_or(&machine.driver);
    rows.add("driver", format!("{driver}, link {}", machine.link));
    if let Some(image) = &status.image {
        rows.add(
            "image",
            format!("{} {}, {}", image.version, image.arch, image.path),
        );
    }
    if let Some(boot) = &machine.boot {
        let at_rest = matches!(machine.state, MachineState::Stopped | MachineState::Failed);
        let name = if at_rest { "last boot" } else { "boot" };
        rows.add(name, quantity::duration(boot.total_ms));
        // Where the time went is of interest while it is new, or when it led to a failure.
        let phases = if machine.state == MachineState::Stopped {
            &[][..]
        } else {
            &boot.phases[..]
        };
        for phase in phases {
            rows.add(
                format!("  {}", crate::harmless::line(&phase.name)),
                bar(phase.ms, boot.total_ms),
            );
        }
    }
    ports(status, &mut rows);
    share_rows(status, &mut rows);
    rows.add(
        "host agent",
        format!("{}, pid {}", status.host_agent.version, status.host_agent.pid),
    );
    for warning in &status.host_agent.warnings {
        rows.add("warning", warning);
    }
    rows.text()
}

/// The ports, those with a problem first, as many as a glance takes in.
fn ports(status: &Status, rows: &mut Rows) {
    let mut ports = forwards::joined(&status.forwards);
    ports.sort_by_key(|port| port.forward.state != ForwardState::Failed);
    for port in ports.iter().take(SHOWN_PORTS) {
        let forward = port.forward;
        let leads_to = forward.container.as_deref().unwrap_or(&forward.target);
        let inside =
            forwards::container_port(forward).map(|number| format!(" {number}/{}", forward.protocol));
        let state = match (forward.state, &forward.reason) {
            (ForwardState::Open, _) => String::new(),
            (state, None) => format!(", {}", forwards::state(state)),
            (state, Some(reason)) => format!(", {}: {reason}", forwards::state(state)),
        };
        let inside = inside.unwrap_or_default();
        rows.add("port", format!("{} -> {leads_to}{inside}{state}", port.host()));
    }
    if ports.len() > SHOWN_PORTS {
        rows.add(
            "",
            format!("and {} more: `pinnace ports`", ports.len() - SHOWN_PORTS),
        );
    }
}

/// The shares, those with a problem first, as many as a glance takes in. What all of them wait for is the machine, whose
/// state stands above.
fn share_rows(status: &Status, rows: &mut Rows) {
    let mut sorted = shares::sorted(&status.shares);
    sorted.sort_by_key(|share| share.state != ShareState::Failed);
    for share in sorted.iter().take(SHOWN_SHARES) {
        let read_only = if share.read_only { ", read-only" } else { "" };
        let state = match (share.state, &share.reason) {
            (ShareState::Waiting, _) | (ShareState::Mounted, None) => String::new(),
            (ShareState::Mounted, Some(reason)) => format!(": {reason}"),
            (state, None) => format!(", {}", shares::state(state)),
            (state, Some(reason)) => format!(", {}: {reason}", shares::state(state)),
        };
        rows.add("share", format!("{}{read_only}{state}", share.path));
    }
    if sorted.len() > SHOWN_SHARES {
        rows.add(
            "",
            format!("and {} more: `pinnace share`", sorted.len() - SHOWN_SHARES),
        );
    }
}

fn machine_text(status: &Status) -> String {
    let machine = &status.machine;
    let state = session::state_name(machine.state);
    let phase = machine
        .phase
        .as_ref()
        .map(|phase| format!(" ({phase})"))
        .unwrap_or_default();
    format!("{state}{phase} since {}", quantity::time(&machine.since))
}

fn engine_text(status: &Status) -> String {
    let engine = &status.engine;
    let mut text = match engine.state {
        EngineState::Stopped => "stopped",
        EngineState::Starting => "starting",
        EngineState::Ready => "ready",
        EngineState::Unhealthy => "unhealthy",
    }
    .to_owned();
    if let Some(version) = &engine.version {
        text.push_str(&format!(", dockerd {version}"));
    }
    if let Some(version) = &engine.api_version {
        text.push_str(&format!(", API {version}"));
    }
    text
}

/// A time and its share of the whole as a bar of at most 20 characters.
fn bar(ms: u64, total_ms: u64) -> String {
    const WIDTH: u64 = 20;
    let total_ms = total_ms.max(1);
    let length = (ms.min(total_ms).saturating_mul(WIDTH) + total_ms / 2) / total_ms;
    format!(
        "{:>9}  {}",
        quantity::duration(ms),
        "#".repeat(usize::try_from(length).unwrap_or(0))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_share_of_the_whole_sets_the_length() {
        assert_eq!(bar(0, 0), "     0 ms  ");
        assert_eq!(bar(500, 1_000), "   500 ms  ##########");
        assert_eq!(bar(u64::MAX, 1_000).matches('#').count(), 20);
    }
}
