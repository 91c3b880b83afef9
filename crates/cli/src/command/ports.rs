//! `pinnace ports`: every port of a container on this host.

use std::io::{self, IsTerminal as _};

use api::Forward;
use engine_client::ContainerDetails;

use super::Outcome;
use crate::{
    args::PortsArgs,
    columns::Columns,
    engine::engine,
    failure::{Exit, Failure},
    forwards::{self, Joined},
    harmless,
    output::{self, Format},
    session,
};

/// Lists forwards. Never starts anything.
pub async fn run(args: PortsArgs) -> Outcome {
    let mut forwards = session::running().await?.forwards().await?;
    if !args.containers.is_empty() {
        let mut wanted = Vec::new();
        for name in &args.containers {
            wanted.push(container(name).await?);
        }
        forwards.retain(|forward| wanted.iter().any(|container| is_of(forward, &container.id)));
    }
    match args.format.format {
        Format::Json => output::json(&forwards)?,
        Format::Table => output::data(&table(&forwards, io::stdout().is_terminal()))?,
    }
    Ok(Exit::Success)
}

/// The one container that a name or the beginning of an id means.
pub async fn container(name: &str) -> Result<ContainerDetails, Failure> {
    Ok(engine()?.container(name).await?)
}

/// Whether a forward leads to a container, by its whole id.
pub fn is_of(forward: &Forward, id: &str) -> bool {
    forward.container_id.as_deref() == Some(id)
}

/// A line for each port, and below it why it is not open.
fn table(forwards: &[Forward], with_links: bool) -> String {
    let rows = forwards::joined(forwards);
    let mut columns = Columns::new(&["HOST", "PROTOCOL", "TARGET", "CONTAINER", "ORIGIN", "STATE"]);
    for row in &rows {
        let forward = row.forward;
        let link = row.link().filter(|_| with_links);
        columns.add([
            link.unwrap_or_else(|| row.host()),
            forward.protocol.clone(),
            forward.target.clone(),
            forward.container.clone().unwrap_or_default(),
            forwards::origin(forward.origin).to_owned(),
            state(row),
        ]);
    }
    let reasons = rows.iter().map(|row| row.forward.reason.as_deref());
    let mut text = String::new();
    // A cell never holds a line feed, so lines and rows keep step.
    for (line, reason) in columns.text().lines().zip(std::iter::once(None).chain(reasons)) {
        text.push_str(line);
        text.push('\n');
        if let Some(reason) = reason {
            text.push_str(&format!("  {}\n", harmless::line(reason)));
        }
    }
    text
}

fn state(row: &Joined<'_>) -> String {
    let state = forwards::state(row.forward.state);
    match row.connections {
        0 => state.to_owned(),
        1 => format!("{state}, 1 connection"),
        more => format!("{state}, {more} connections"),
    }
}
