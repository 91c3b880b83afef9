//! `pinnace port`: the ports of one container, shown and changed while it runs.

use api::{AddForward, Client, Forward, ForwardOrigin, ForwardState, MoveForward, RemoveForward};

use super::{
    Outcome,
    ports::{container, is_of},
};
use crate::{
    args::{LivePort, PortAction, PortAddArgs, PortArgs, PortMoveArgs, PortOf, PortRmArgs},
    failure::{Exit, Failure},
    forwards::{self, container_port, docker_line},
    harmless,
    output::{self, Format},
    session,
};

/// Shows or changes ports.
pub async fn run(args: PortArgs) -> Outcome {
    match (args.action, args.container) {
        (Some(PortAction::Add(args)), _) => add(args).await,
        (Some(PortAction::Move(args)), _) => move_port(args).await,
        (Some(PortAction::Rm(args)), _) => remove(args).await,
        (None, Some(container)) => show(&container, args.port.as_ref(), args.format.format).await,
        // clap asks for one of them.
        (None, None) => Err(Failure::new("no container was named").exit(Exit::Usage)),
    }
}

/// As `docker port` does, but of what is open now.
async fn show(name: &str, port: Option<&PortOf>, format: Format) -> Outcome {
    let client = session::running().await?;
    let id = container(name).await?.id;
    let mut forwards = client.forwards().await?;
    forwards.retain(|forward| {
        let is_wanted = port.is_none_or(|port| {
            container_port(forward) == Some(port.number) && forward.protocol == port.protocol
        });
        is_of(forward, &id) && forward.state == ForwardState::Open && is_wanted
    });
    if let Some(port) = port.filter(|_| forwards.is_empty()) {
        return Err(Failure::new(format!(
            "port {}/{} of {name} is not open on this host",
            port.number, port.protocol
        ))
        .hint(format!(
            "see `pinnace ports`; open it with `pinnace port add {name} {port}`"
        )));
    }
    match format {
        Format::Json => output::json(&forwards)?,
        Format::Table if port.is_some() => print_lines(&forwards, |forward| forward.host.clone())?,
        Format::Table => print_lines(&forwards, docker_line)?,
    }
    Ok(Exit::Success)
}

/// Opens all ports that are asked for, or none.
async fn add(args: PortAddArgs) -> Outcome {
    let client = session::running().await?;
    let mut opened = Vec::new();
    for port in args.ports.iter().flatten() {
        match client.add_forward(&addition(&args.container, port)).await {
            Ok(more) => opened.extend(more),
            Err(error) => {
                take_back(&client, &args.container, &opened).await;
                return Err(error.into());
            }
        }
    }
    print_changed(&opened, args.format.format)?;
    for undo in undo_of_opened(&args.container, &opened) {
        output::note(&format!("undo: {undo}"));
    }
    Ok(exit_of(&opened))
}

fn addition(container: &str, port: &LivePort) -> AddForward {
    AddForward {
        container: container.to_owned(),
        protocol: port.container.protocol.clone(),
        host: port.host.clone(),
        host_port: port.host_port,
        container_port: port.container.number,
    }
}

/// Closes what a command opened that then failed.
async fn take_back(client: &Client, container: &str, opened: &[Forward]) {
    for port in host_ports(opened) {
        let removed = client.remove_forward(&removal(container, &port)).await;
        if let Err(error) = removed {
            output::failure(&Failure::caused(
                format!("failed to close port {port} again"),
                &error,
            ));
        }
    }
}

async fn move_port(args: PortMoveArgs) -> Outcome {
    let client = session::running().await?;
    let before = client.forwards().await?;
    let moved = client
        .move_forward(&MoveForward {
            container: args.container.clone(),
            protocol: args.from.protocol.clone(),
            from_host_port: args.from.number,
            to_host_port: args.to.port,
            to_host: args.to.host.clone(),
        })
        .await?;
    print_changed(&moved, args.format.format)?;
    if let Some(undo) = undo_of_move(&args, &before, &moved) {
        output::note(&format!("undo: {undo}"));
    }
    Ok(exit_of(&moved))
}

async fn remove(args: PortRmArgs) -> Outcome {
    let client = session::running().await?;
    let closed = client
        .remove_forward(&removal(&args.container, &args.port))
        .await?;
    match args.format.format {
        Format::Json => output::json(&closed)?,
        Format::Table => print_lines(&closed, docker_line)?,
    }
    let name = harmless::line(&args.container);
    if closed
        .iter()
        .any(|forward| forward.origin == ForwardOrigin::Published)
    {
        output::note(&format!(
            "{name} publishes the port: it comes back when {name} starts again"
        ));
    }
    for undo in undo_of_closed(&args.container, &closed) {
        output::note(&format!("undo: {undo}"));
    }
    Ok(Exit::Success)
}

fn removal(container: &str, port: &PortOf) -> RemoveForward {
    RemoveForward {
        container: container.to_owned(),
        protocol: port.protocol.clone(),
        host_port: port.number,
    }
}

/// Prints what there is now; what is not open is warned of.
fn print_changed(forwards: &[Forward], format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::json(&forwards)?,
        Format::Table => print_lines(forwards, docker_line)?,
    }
    for forward in forwards
        .iter()
        .filter(|forward| forward.state == ForwardState::Failed)
    {
        let reason = forward.reason.as_deref().unwrap_or("no reason is known");
        output::warning(&format!("{} is not open: {reason}", forward.host));
    }
    Ok(())
}

fn print_lines(forwards: &[Forward], line: impl Fn(&Forward) -> String) -> Result<(), Failure> {
    let rows = forwards::sorted(forwards);
    let lines: String = rows
        .iter()
        .map(|forward| format!("{}\n", harmless::line(&line(forward))))
        .collect();
    output::data(&lines)
}

/// Done, unless nothing at all came of it.
fn exit_of(forwards: &[Forward]) -> Exit {
    let has_failed = |forward: &Forward| forward.state == ForwardState::Failed;
    if !forwards.is_empty() && forwards.iter().all(has_failed) {
        Exit::Failure
    } else {
        Exit::Success
    }
}

/// The ports of the host that forwards have, each once.
fn host_ports(forwards: &[Forward]) -> Vec<PortOf> {
    let mut ports: Vec<PortOf> = Vec::new();
    for forward in forwards {
        let port = forwards::host_port(forward).map(|number| PortOf {
            number,
            protocol: forward.protocol.clone(),
        });
        ports.extend(port.filter(|port| !ports.contains(port)));
    }
    ports
}

fn undo_of_opened(container: &str, opened: &[Forward]) -> Vec<String> {
    let container = harmless::line(container);
    host_ports(opened)
        .iter()
        .map(|port| format!("pinnace port rm {container} {port}"))
        .collect()
}

/// Without an address if all keep theirs; one that several had is not told by one command.
fn undo_of_move(args: &PortMoveArgs, before: &[Forward], moved: &[Forward]) -> Option<String> {
    let container = harmless::line(&args.container);
    let now = host_ports(moved);
    let [port] = &now[..] else { return None };
    let back = args.from.number;
    if args.to.host.is_none() {
        return Some(format!("pinnace port move {container} {port} {back}"));
    }
    let ids: Vec<&Option<String>> = moved.iter().map(|forward| &forward.container_id).collect();
    let mut were = before.iter().filter(|forward| {
        ids.contains(&&forward.container_id)
            && forward.protocol == args.from.protocol
            && forwards::host_port(forward) == Some(back)
    });
    match (were.next(), were.next()) {
        (Some(only), None) => Some(format!(
            "pinnace port move {container} {port} {}",
            harmless::line(&only.host)
        )),
        _ => None,
    }
}

fn undo_of_closed(container: &str, closed: &[Forward]) -> Vec<String> {
    let container = harmless::line(container);
    let rows = forwards::joined(closed);
    rows.iter()
        .filter_map(|row| {
            let forward = row.forward;
            let inside = PortOf {
                number: container_port(forward)?,
                protocol: forward.protocol.clone(),
            };
            let host = if row.is_localhost {
                forwards::host_port(forward)?.to_string()
            } else {
                harmless::line(&forward.host)
            };
            Some(format!("pinnace port add {container} {host}:{inside}"))
        })
        .collect()
}
