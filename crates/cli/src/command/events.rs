//! `pinnace events`.

use engine_client::EngineEvent;
use jiff::Timestamp;

use super::Outcome;
use crate::{
    args::EventsArgs,
    engine::engine,
    failure::{Exit, Failure},
    filter, harmless, identity,
    output::{self, Format},
    quantity,
};

/// Prints events as they come: until the time that was given, or until Ctrl+C.
pub async fn run(args: EventsArgs) -> Outcome {
    let engine = engine()?;
    let ends = args.until.is_some();
    let mut events = engine
        .events(args.since, args.until, filter::to_api(&args.filters))
        .await?;
    while let Some(event) = events.next().await? {
        match args.format.format {
            Format::Json => output::json_line(&event)?,
            Format::Table => output::data(&format!("{}\n", harmless::line(&line(&event))))?,
        }
    }
    if ends {
        Ok(Exit::Success)
    } else {
        Err(Failure::new("the engine ended the stream of events")
            .hint("the machine or its engine may have ended; see `pinnace status`"))
    }
}

/// `2026-11-24 04:00:12 container die web (exitCode=137, image=alpine)`.
fn line(event: &EngineEvent) -> String {
    let actor = &event.actor;
    // The nanoseconds are of the same moment, and more exact.
    let time = match event.time_nano {
        0 => Timestamp::from_second(event.time).ok(),
        nanoseconds => Timestamp::from_nanosecond(i128::from(nanoseconds)).ok(),
    };
    let time = time.map_or_else(|| "-".to_owned(), |time| quantity::time(&time.to_string()));
    let name = actor.attributes.get("name").cloned();
    let name = name.unwrap_or_else(|| identity::shown_image(&actor.id, false));
    let attributes: Vec<String> = actor
        .attributes
        .iter()
        .filter(|(key, _)| *key != "name")
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let attributes = if attributes.is_empty() {
        String::new()
    } else {
        format!(" ({})", attributes.join(", "))
    };
    format!("{time} {} {} {name}{attributes}", event.kind, event.action)
}
