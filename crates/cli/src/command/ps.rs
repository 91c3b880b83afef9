//! `pinnace ps`.

use api::SignalReport;
use engine_client::ContainerSummary;
use jiff::Timestamp;
use serde::Serialize;

use super::Outcome;
use crate::{
    args::PsArgs,
    columns::Columns,
    container_ports::ContainerPorts,
    engine::engine,
    failure::Exit,
    filter, identity,
    output::{self, Format},
    stop_advice::StopAdvice,
};

/// Lists containers with their ports as they are, and what the signal doctor says of those that run.
pub async fn run(args: PsArgs) -> Outcome {
    let engine = engine()?;
    let listed = engine.containers(args.all, filter::to_api(&args.filters));
    if args.quiet {
        let ids: String = listed
            .await?
            .iter()
            .map(|container| format!("{}\n", identity::shown(&container.id, args.no_trunc)))
            .collect();
        output::data(&ids)?;
        return Ok(Exit::Success);
    }
    let (containers, advice, ports) = tokio::join!(listed, StopAdvice::of(&[]), ContainerPorts::ask());
    let containers = containers?;
    match args.format.format {
        Format::Json => {
            let rows: Vec<Row> = containers
                .iter()
                .map(|container| row(container, &advice, &ports))
                .collect();
            output::json(&rows)?;
        }
        Format::Table => output::data(&table(&containers, &advice, &ports, args.no_trunc))?,
    }
    Ok(Exit::Success)
}

/// A container as `--format json` has it.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    name: String,
    image: &'a str,
    command: &'a str,
    created: Option<String>,
    state: &'a str,
    status: &'a str,
    ports: Vec<String>,
    labels: &'a std::collections::BTreeMap<String, String>,
    stop: Option<&'a SignalReport>,
}

fn row<'a>(container: &'a ContainerSummary, advice: &'a StopAdvice, ports: &ContainerPorts) -> Row<'a> {
    Row {
        id: &container.id,
        name: names(container),
        image: &container.image,
        command: &container.command,
        created: Timestamp::from_second(container.created)
            .ok()
            .map(|time| time.to_string()),
        state: &container.state,
        status: &container.status,
        ports: ports.of(container),
        labels: &container.labels,
        stop: advice.report(&container.id),
    }
}

fn table(
    containers: &[ContainerSummary],
    advice: &StopAdvice,
    ports: &ContainerPorts,
    whole: bool,
) -> String {
    let mut columns = Columns::new(&["CONTAINER ID", "NAME", "IMAGE", "STATUS", "PORTS", "STOP"]);
    for container in containers {
        columns.add([
            identity::shown(&container.id, whole),
            names(container),
            identity::shown_image(&container.image, whole),
            container.status.clone(),
            ports.of(container).join(", "),
            advice.text(&container.id),
        ]);
    }
    columns.text()
}

/// Its name, and those that links give it.
fn names(container: &ContainerSummary) -> String {
    let names = container.names.iter().map(|name| name.trim_start_matches('/'));
    names.collect::<Vec<_>>().join(",")
}
