//! Tells the engine's state by asking it.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use protocol::EngineState;
use serde::Deserialize;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};

use super::{
    http::get,
    keeper::{Keeper, Run},
    layout::Layout,
};
use crate::board::Board;

/// dockerd makes its socket early and answers once it is ready, so that one request waits for just as long as it
/// takes; this is how soon the socket is noticed.
const START_POLL: Duration = Duration::from_millis(20);
/// A start under plain emulation on a busy host takes tens of seconds.
const START_LIMIT: Duration = Duration::from_secs(120);
/// At rest: each probe wakes both programs, and dockerd several threads.
const REST_POLL: Duration = Duration::from_secs(60);
/// While it is used, when a silence matters to somebody.
const USE_POLL: Duration = Duration::from_secs(15);
const REST_LIMIT: Duration = Duration::from_secs(20);
/// After a probe of a dockerd that was ready has failed.
const SILENT_POLL: Duration = Duration::from_secs(1);
/// A dockerd that was ready and has not answered for this long hangs. Containers live on through its restart.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
    api_version: String,
}

/// Keeps the board's engine state true until dockerd's keeper is gone, and has a dockerd restarted that lives and has
/// stopped answering. `used` is told whenever somebody asks dockerd for something.
pub async fn keep_probing(layout: Layout, keeper: Keeper, board: Board, used: Arc<Notify>) {
    let mut dockerd = keeper.watch();
    let mut ever_ready = false;
    loop {
        let run = dockerd.borrow_and_update().clone();
        board.set_engine(down(&run, &board));
        tokio::select! {
            changed = dockerd.changed() => if changed.is_err() { return },
            () = probe_run(&layout.docker_socket, &board, &used, &mut ever_ready), if run.pid.is_some() => {
                keeper.restart().await;
            }
        }
    }
}

/// Probes one run of dockerd. Returns when it was ready and then said nothing for too long.
async fn probe_run(socket: &Path, board: &Board, used: &Notify, ever_ready: &mut bool) {
    let mut was_ready = false;
    let mut silent_since: Option<Instant> = None;
    loop {
        let limit = if was_ready { REST_LIMIT } else { START_LIMIT };
        match (was_ready, silent_since) {
            (false, _) => sleep(START_POLL).await,
            (true, None) => rest(used).await,
            (true, Some(_)) => sleep(SILENT_POLL).await,
        }
        let asked_at = Instant::now();
        let is_known = was_ready && silent_since.is_none();
        let reason = match timeout(limit, ask(socket, is_known)).await {
            Ok(Ok(Some(Version { version, api_version }))) => {
                (was_ready, silent_since) = (true, None);
                if !std::mem::replace(ever_ready, true) {
                    board.pass_stage("engine");
                }
                board.set_engine(EngineState::Ready { version, api_version });
                continue;
            }
            // It answers, as before.
            Ok(Ok(None)) => continue,
            // Not ready yet.
            Ok(Err(_)) if !was_ready => continue,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("dockerd did not answer within {} s", limit.as_secs()),
        };
        board.set_engine(EngineState::Unhealthy { reason, restarts: 0 });
        if was_ready && silent_since.get_or_insert(asked_at).elapsed() >= SILENCE_LIMIT {
            tracing::warn!(
                seconds = SILENCE_LIMIT.as_secs(),
                "dockerd is silent and is restarted"
            );
            return;
        }
    }
}

/// Waits for the next probe of a dockerd that answered just now.
async fn rest(used: &Notify) {
    let now = Instant::now();
    if timeout_at(now + REST_POLL, used.notified()).await.is_ok() {
        sleep_until(now + USE_POLL).await;
    }
}

/// The state of an engine that does not answer.
fn down(run: &Run, board: &Board) -> EngineState {
    match (&run.last_end, board.facts().engine) {
        (Some(reason), EngineState::Unhealthy { restarts, .. }) => EngineState::Unhealthy {
            reason: reason.clone(),
            restarts: restarts.max(run.starts.saturating_sub(1)),
        },
        (Some(reason), EngineState::Ready { .. }) => EngineState::Unhealthy {
            reason: reason.clone(),
            restarts: 0,
        },
        (Some(reason), _) => EngineState::Unhealthy {
            reason: reason.clone(),
            restarts: run.starts.saturating_sub(1),
        },
        (None, _) => EngineState::Starting,
    }
}

/// Pings. Asks for the version only when it is not known: that costs dockerd more.
async fn ask(socket: &Path, known: bool) -> anyhow::Result<Option<Version>> {
    get(socket, "/_ping").await?;
    if known {
        return Ok(None);
    }
    let body = get(socket, "/version").await?;
    Ok(Some(
        serde_json::from_slice(&body).context("failed to read dockerd's version")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn rests_for(used: &Notify) -> Duration {
        let begin = Instant::now();
        rest(used).await;
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn rest_lasts_a_minute_unless_dockerd_is_used() {
        let used = Notify::new();
        assert!(rests_for(&used).await.abs_diff(REST_POLL) < Duration::from_millis(5));
        used.notify_one();
        assert!(rests_for(&used).await.abs_diff(USE_POLL) < Duration::from_millis(5));
        let late = async {
            sleep(Duration::from_secs(40)).await;
            used.notify_one();
        };
        let (rested, ()) = tokio::join!(rests_for(&used), late);
        assert!(rested.abs_diff(Duration::from_secs(40)) < Duration::from_millis(5));
    }
}
