//! `pinnace stats`.

mod figures;
mod live;

use std::io::{self, IsTerminal as _};

use engine_client::{Engine, EngineError};
use serde::Serialize;
use tokio::task::JoinSet;

use self::figures::Figures;
use super::Outcome;
use crate::{
    args::StatsArgs,
    columns::Columns,
    engine::engine,
    failure::{Exit, Failure},
    identity,
    output::{self, Format},
    quantity,
};

/// Prints figures: once, or on a terminal until Ctrl+C.
pub async fn run(args: StatsArgs) -> Outcome {
    let engine = engine()?;
    let format = args.format.format;
    let once = args.no_stream || format == Format::Json || !io::stdout().is_terminal();
    if !once {
        return live::run(&engine, &args.containers).await;
    }
    let rows = rows(&engine, &args.containers).await?;
    match format {
        Format::Json => output::json(&rows)?,
        Format::Table => output::data(&table(&rows))?,
    }
    Ok(Exit::Success)
}

/// A container's line.
#[derive(Clone, Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    #[serde(flatten)]
    figures: Figures,
}

/// Id and name of those that are named; of all that run where none is.
async fn chosen(engine: &Engine, names: &[String]) -> Result<Vec<(String, String)>, EngineError> {
    let bare = |name: &str| name.trim_start_matches('/').to_owned();
    if names.is_empty() {
        let containers = engine.containers(false, None).await?;
        return Ok(containers
            .into_iter()
            .map(|container| {
                let name = container.names.first().map(|name| bare(name));
                (container.id, name.unwrap_or_default())
            })
            .collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        let details = engine.container(name).await?;
        chosen.push((details.id, bare(&details.name)));
    }
    Ok(chosen)
}

/// Everybody's figures at one time: the engine counts for a second.
async fn rows(engine: &Engine, names: &[String]) -> Result<Vec<Row>, Failure> {
    let mut counts = JoinSet::new();
    for (place, (id, name)) in chosen(engine, names).await?.into_iter().enumerate() {
        let engine = engine.clone();
        counts.spawn(async move {
            let mut stats = engine.stats(&id, false).await?;
            let figures = stats.next().await?.map(|stats| Figures::of(&stats));
            Ok::<_, EngineError>((place, id, name, figures))
        });
    }
    let mut rows = Vec::new();
    while let Some(ended) = counts.join_next().await {
        match ended.map_err(|error| Failure::caused("failed to count", &error))? {
            Ok((place, id, name, Some(figures))) => rows.push((place, Row { id, name, figures })),
            Ok((_, _, name, None)) => {
                return Err(Failure::new(format!("the engine has no figures of {name}")));
            }
            // Gone since it was listed.
            Err(error) if error.is_not_found() && names.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
    }
    rows.sort_by_key(|(place, _)| *place);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn table(rows: &[Row]) -> String {
    let mut columns = Columns::new(&[
        "CONTAINER ID",
        "NAME",
        "CPU %",
        "MEM USAGE / LIMIT",
        "MEM %",
        "NET I/O",
        "BLOCK I/O",
        "PIDS",
    ]);
    for row in rows {
        let figures = &row.figures;
        let pair = |one, other| format!("{} / {}", quantity::size(one), quantity::size(other));
        columns.add([
            identity::shown(&row.id, false),
            row.name.clone(),
            figures
                .cpu_percent
                .map_or_else(|| "-".to_owned(), |percent| format!("{percent:.2}%")),
            pair(figures.memory_bytes, figures.memory_limit_bytes),
            format!("{:.2}%", figures.memory_percent()),
            pair(figures.network_received_bytes, figures.network_sent_bytes),
            pair(figures.block_read_bytes, figures.block_written_bytes),
            figures.processes.to_string(),
        ]);
    }
    columns.text()
}
