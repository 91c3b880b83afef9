//! Follows the engine's events for as long as the host agent lives.
//!
//! ```text
//!   engine ready ──► replay: what happened since the last event ──► reconcile: what nobody told ──► follow
//!        ▲                                                                                            │
//!        └──────────────────────────────── stream ended, with a pause ◄───────────────────────────────┘
//! ```
//!
//! The last event's time is where the next connection goes on, less a second: the engine's own times are not quite in
//! order. What comes twice is known by its time, container and action.

use std::{
    collections::{HashSet, VecDeque},
    future::Future,
    time::Duration,
};

use ::machine::MachineState;
use engine_client::{Engine, EngineError, EngineEvent, JsonLines};
use protocol::EngineState;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tracing::debug;

use super::{
    Entry, Journal, What,
    entry::now_ms,
    event::{self, FILTERS},
    lives::Lives,
    machine, reconcile,
};
use crate::{
    failure::chain,
    supervisor::{Snapshot, Supervisor},
};

/// The first pause after a stream that ended, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];
/// How long a single answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a look at a container that was started may take. Events wait for it.
const LOOK: Duration = Duration::from_secs(2);
/// How much is asked for again.
const OVERLAP_NS: i64 = 1_000_000_000;
/// How many events are known again.
const KNOWN: usize = 2048;

/// Keeps what happens to containers, machine and host, until the supervisor ends.
pub async fn watch(supervisor: Supervisor, engine: Engine, journal: Journal) {
    watch_snapshots(supervisor.snapshots(), engine, journal).await;
}

async fn watch_snapshots(snapshots: watch::Receiver<Snapshot>, engine: Engine, journal: Journal) {
    let lives = Lives::of(&journal.entries().await);
    journal.record(Entry::machine(What::HostAgentStarted));
    let watcher = Watcher {
        journal: journal.clone(),
        engine,
        lives,
        known: Known::default(),
    };
    tokio::join!(
        machine::observe(journal, snapshots.clone()),
        watcher.follow(snapshots)
    );
}

struct Watcher {
    journal: Journal,
    engine: Engine,
    lives: Lives,
    known: Known,
}

impl Watcher {
    async fn follow(mut self, mut snapshots: watch::Receiver<Snapshot>) {
        let [least, most] = PAUSES;
        let mut pause = least;
        let ready = |snapshot: &Snapshot| {
            matches!(snapshot.engine, EngineState::Ready { .. }) && snapshot.state != MachineState::Paused
        };
        while snapshots.wait_for(ready).await.is_ok() {
            let before = self.known.last_ns;
            if let Err(error) = self.listen().await {
                debug!(error = chain(&error), "engine's events lost");
            }
            pause = if self.known.last_ns > before {
                least
            } else {
                most.min(pause * 2)
            };
            sleep(pause).await;
        }
    }

    /// One connection, from what was missed to its end.
    async fn listen(&mut self) -> Result<(), EngineError> {
        let began_ms = now_ms();
        if let Some(since) = self.known.since() {
            let until = seconds(began_ms.saturating_mul(1_000_000));
            // An engine whose clock is behind ours waits until it is that late; what it has told by then is kept.
            let replay = self.events(since, Some(until));
            if let Ok(Err(error)) = timeout(ANSWER, replay).await {
                debug!(error = chain(&error), "engine's past events not read");
            }
        }
        let missing = within(ANSWER, reconcile::missing(&self.engine, &self.lives)).await?;
        for entry in missing {
            self.lives.look(&entry);
            self.keep(entry).await;
        }
        let since = self.known.since();
        let since = since.unwrap_or_else(|| seconds((began_ms - 1_000).saturating_mul(1_000_000)));
        self.events(since, None).await
    }

    async fn events(&mut self, since: String, until: Option<String>) -> Result<(), EngineError> {
        let opened = self.engine.events(Some(since), until, Some(FILTERS.to_owned()));
        let mut events: JsonLines<EngineEvent> = within(ANSWER, opened).await?;
        while let Some(event) = events.next().await? {
            if !self.known.is_new(&event) {
                continue;
            }
            if let Some(entry) = event::entry(&event).and_then(|entry| self.lives.take(entry)) {
                self.keep(entry).await;
            }
        }
        Ok(())
    }

    async fn keep(&mut self, entry: Entry) {
        // A container that is removed when it ends cannot be asked any more when its limit is of interest.
        if entry.what == What::Started
            && let Ok(Ok(details)) = timeout(LOOK, self.engine.container(&entry.container)).await
        {
            let limit_bytes = u64::try_from(details.host_config.memory).unwrap_or(0);
            self.lives.limit(&entry.container, limit_bytes);
        }
        self.journal.record(entry);
    }
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let late = |_| EngineError::Connect(std::io::ErrorKind::TimedOut.into());
    timeout(limit, answer).await.map_err(late)?
}

/// Events that were taken in.
#[derive(Debug, Default)]
struct Known {
    last_ns: i64,
    order: VecDeque<(i64, String, String)>,
    keys: HashSet<(i64, String, String)>,
}

impl Known {
    /// Where to go on: seconds with nine decimals. `None` before the first event.
    fn since(&self) -> Option<String> {
        (self.last_ns > 0).then(|| seconds(self.last_ns.saturating_sub(OVERLAP_NS)))
    }

    /// Takes in an event; whether it is a new one.
    fn is_new(&mut self, event: &EngineEvent) -> bool {
        let key = (event.time_nano, event.actor.id.clone(), event.action.clone());
        if !self.keys.insert(key.clone()) {
            return false;
        }
        self.last_ns = self.last_ns.max(event.time_nano);
        self.order.push_back(key);
        if self.order.len() > KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

fn seconds(at_ns: i64) -> String {
    let at_ns = at_ns.max(0);
    format!("{}.{:09}", at_ns / 1_000_000_000, at_ns % 1_000_000_000)
}

#[cfg(test)]
mod tests;
