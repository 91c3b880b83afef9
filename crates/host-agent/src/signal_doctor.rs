//! The signal doctor: says beforehand that a container's PID 1 will ignore Ctrl+C or a stop.
//!
//! The kernel drops a signal for the first process of a PID namespace that has no handler for it; only one that is
//! blocked is kept, and taken later by an init such as tini. So "ignores" is certain, and "handles" no promise to stop.

use std::{future::Future, time::Duration};

use agent_client::AgentClient;
use api::{SignalReport, StopVerdict};
use engine_client::{ContainerDetails, ContainerSummary, Engine, EngineError};
use futures_util::{StreamExt as _, stream};
use protocol::ProcessFacts;
use tokio::time::{Instant, timeout_at};

use crate::{
    failure::chain,
    lease::{SIGINT, SIGTERM, signal_number},
};

/// Containers that are looked at at the same time.
const AT_ONCE: usize = 16;
/// How long looking at all of them may take: less than clients wait.
const LIMIT: Duration = Duration::from_secs(10);

const SIGKILL: u8 = 9;

/// Looks at each of `asked`, names, ids or beginnings of ids; at all that run where there are none. What cannot be
/// looked at is reported as unknown. Fails when the engine cannot be asked which containers there are.
pub async fn reports(
    engine: &Engine,
    agent: &AgentClient,
    asked: &[String],
) -> Result<Vec<SignalReport>, EngineError> {
    let running = engine.containers(false, None).await?;
    let patients: Vec<(String, Option<ContainerSummary>)> = if asked.is_empty() {
        let all = running.into_iter();
        all.map(|row| (row.id.clone(), Some(row))).collect()
    } else {
        let of = |asked: &String| (asked.clone(), find(&running, asked).cloned());
        asked.iter().map(of).collect()
    };
    let deadline = Instant::now() + LIMIT;
    Ok(each(patients, |(asked, row)| async move {
        let Some(row) = row else {
            return unknown(asked, String::new(), "it does not run".to_owned());
        };
        let name = name(row.names.first().map_or("", String::as_str));
        match timeout_at(deadline, look(engine, agent, &row.id)).await {
            Ok(Ok(report)) => report,
            Ok(Err(reason)) => unknown(row.id, name, reason),
            Err(_) => unknown(row.id, name, "there was no time to look at it".to_owned()),
        }
    })
    .await)
}

/// Does the same for each, some at once; the results keep the order.
async fn each<I, O, F: Future<Output = O>>(items: Vec<I>, work: impl Fn(I) -> F) -> Vec<O> {
    stream::iter(items.into_iter().map(work))
        .buffered(AT_ONCE)
        .collect()
        .await
}

async fn look(engine: &Engine, agent: &AgentClient, id: &str) -> Result<SignalReport, String> {
    let details = engine.container(id).await.map_err(|error| chain(&error))?;
    if !details.state.running || details.state.pid == 0 {
        return Err("it does not run".to_owned());
    }
    let process = agent.process(details.state.pid, &details.id).await;
    Ok(report(&details, process.map_err(|error| chain(&error))?))
}

fn report(details: &ContainerDetails, process: ProcessFacts) -> SignalReport {
    let stop_signal = match details.config.stop_signal.as_deref() {
        None | Some("") => Some(SIGTERM),
        Some(name) => signal_number(name),
    };
    let own_pids = matches!(details.host_config.pid_mode.as_str(), "" | "private");
    let ignored = [Some(SIGINT), stop_signal]
        .map(|signal| signal.is_some_and(|signal| ignores(&process, signal, own_pids)));
    let stop_name = details
        .config
        .stop_signal
        .as_deref()
        .filter(|name| !name.is_empty());
    let advice = advice(
        ignored,
        stop_name,
        own_pids && details.host_config.init != Some(true),
    );
    SignalReport {
        container: details.id.clone(),
        name: name(&details.name),
        verdict: verdict(ignored),
        program: process.program,
        advice,
    }
}

/// Whether a signal certainly does nothing to a process. Outside a PID namespace of its own a signal without a handler
/// ends it.
fn ignores(process: &ProcessFacts, signal: u8, own_pids: bool) -> bool {
    let bit = 1_u64 << (signal - 1);
    match signal {
        SIGKILL => false,
        _ if own_pids => process.is_deaf_to(signal),
        _ => process.ignored & !process.blocked & bit != 0,
    }
}

fn verdict(ignored: [bool; 2]) -> StopVerdict {
    match ignored {
        [false, false] => StopVerdict::Handles,
        [true, false] => StopVerdict::IgnoresInterrupt,
        [false, true] => StopVerdict::IgnoresTerminate,
        [true, true] => StopVerdict::IgnoresBoth,
    }
}

fn advice(ignored: [bool; 2], stop_name: Option<&str>, init_helps: bool) -> Option<String> {
    let stop_name = match stop_name {
        None => "SIGTERM".to_owned(),
        Some(name) if name.starts_with("SIG") || name.starts_with(|c: char| c.is_ascii_digit()) => {
            name.to_owned()
        }
        Some(name) => format!("SIG{}", name.to_ascii_uppercase()),
    };
    let what = match ignored {
        [false, false] => return None,
        [true, false] => "SIGINT".to_owned(),
        [false, true] => stop_name,
        [true, true] if stop_name == "SIGINT" => stop_name,
        [true, true] => format!("SIGINT and {stop_name}"),
    };
    Some(format!(
        "ignores {what}{}",
        if init_helps { "; add --init" } else { "" }
    ))
}

/// The container that somebody means: by its id, its name, or the beginning of its id when no other has it.
fn find<'a>(running: &'a [ContainerSummary], asked: &str) -> Option<&'a ContainerSummary> {
    let named = |row: &&ContainerSummary| row.names.iter().any(|known| name(known) == asked);
    let by_prefix = || {
        let mut rows = running
            .iter()
            .filter(|row| !asked.is_empty() && row.id.starts_with(asked));
        rows.next().filter(|_| rows.next().is_none())
    };
    running
        .iter()
        .find(|row| row.id == asked)
        .or_else(|| running.iter().find(named))
        .or_else(by_prefix)
}

fn name(with_slash: &str) -> String {
    with_slash.trim_start_matches('/').to_owned()
}

fn unknown(container: String, name: String, reason: String) -> SignalReport {
    SignalReport {
        container,
        name,
        verdict: StopVerdict::Unknown { reason },
        program: String::new(),
        advice: None,
    }
}

#[cfg(test)]
mod tests;
