//! What the engine did while nobody listened: its present containers, compared with those that the journal knows. The
//! engine forgets its events when it restarts, and has no more than the last few hundred.

use std::collections::HashSet;

use engine_client::{ContainerDetails, Engine, EngineError};
use jiff::Timestamp;

use super::{Entry, What, entry::now_ms, lives::Lives};

/// The entries that are missing, oldest first.
pub async fn missing(engine: &Engine, lives: &Lives) -> Result<Vec<Entry>, EngineError> {
    let listed = engine.containers(true, None).await?;
    let mut found = Vec::new();
    for row in &listed {
        let runs = matches!(row.state.as_str(), "running" | "paused" | "restarting");
        let known = lives.get(&row.id).is_some_and(|life| life.running);
        // One that restarts does not run at this moment, and will tell.
        if runs == known || row.state == "restarting" {
            continue;
        }
        match engine.container(&row.id).await {
            Ok(details) => found.extend(change(&details, known)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    let there: HashSet<&str> = listed.iter().map(|row| row.id.as_str()).collect();
    for (container, life) in lives.running() {
        if !there.contains(container.as_str()) {
            found.push(Entry {
                at_ms: now_ms(),
                container,
                name: life.name,
                image: life.image,
                what: What::Removed,
            });
        }
    }
    found.sort_by_key(|entry| entry.at_ms);
    Ok(found)
}

/// What happened to a container that ran when it was heard of last (`known`), or did not.
fn change(details: &ContainerDetails, known: bool) -> Option<Entry> {
    let state = &details.state;
    let (time, what) = match (known, state.running) {
        (false, true) => (&state.started_at, What::Started),
        (true, false) => {
            let (code, oom) = (state.exit_code, state.oom_killed);
            (&state.finished_at, What::Exited { code, oom })
        }
        _ => return None,
    };
    Some(Entry {
        at_ms: milliseconds(time).unwrap_or_else(now_ms),
        container: details.id.clone(),
        name: details.name.trim_start_matches('/').to_owned(),
        image: details.config.image.clone(),
        what,
    })
}

/// The engine writes the year 1 for "never".
fn milliseconds(rfc3339: &str) -> Option<i64> {
    let time: Timestamp = rfc3339.parse().ok()?;
    Some(time.as_millisecond()).filter(|at_ms| *at_ms > 0)
}
