//! How many writes stand still, and which of them have to go.
//!
//! ```text
//!   moving ── nothing was taken for `after` ──► stalled: has one of `most` seats ── something was taken ──► moving
//!                                                 │ all seats are taken and one more stalls
//!                                                 └── stalled for longest ──► evicted: its writes fail
//! ```
//!
//! A stream at rest costs next to nothing, and one whose reader stands still up to a window of the mux and what the
//! kernel holds. So what is bounded is what stands still, and not what is open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use crate::watched::Watched;

/// Counts the writes that make no progress, over all streams that it watches. Clones share the count.
#[derive(Clone, Debug)]
pub struct Stalls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    after: Duration,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Those that are stalled, the longest first, and whom to wake when one is evicted.
    seated: BTreeMap<Key, Waker>,
    next: u64,
    suspended: bool,
    /// Nobody stalled before this.
    resumed: Option<Instant>,
    /// The user was told, and the seats have not been half empty since.
    warned: bool,
}

/// Since when, and a number that tells it from others.
type Key = (Instant, u64);

impl Default for Stalls {
    /// What both ends of a link bear: docs/decisions/0014.
    fn default() -> Self {
        Self::new(1024, Duration::from_secs(10))
    }
}

impl Stalls {
    /// At most `most` writes, at least one, may make no progress for longer than `after`.
    pub fn new(most: usize, after: Duration) -> Self {
        Self(Arc::new(Shared {
            most: most.max(1),
            after,
            table: Mutex::default(),
        }))
    }

    /// Counts the writes of `stream` in.
    pub fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched::new(self.clone(), stream)
    }

    /// How many writes are stalled now.
    pub fn count(&self) -> usize {
        self.table().seated.len()
    }

    /// While suspended nothing becomes stalled, as when the other side is paused; afterwards every write has its full
    /// time again. What is stalled already stays so.
    pub fn suspend(&self, suspended: bool) {
        let mut table = self.table();
        if table.suspended && !suspended {
            table.resumed = Some(Instant::now());
        }
        table.suspended = suspended;
    }

    /// When a write that waits since then is stalled, as far as is known now.
    pub(crate) fn due(&self, since: Instant) -> Instant {
        let table = self.table();
        let from = if table.suspended {
            Instant::now()
        } else {
            table.resumed.map_or(since, |resumed| resumed.max(since))
        };
        from + self.0.after
    }

    /// Gives a seat to a write that waits since then. Takes it from the one that has waited longest when there is none.
    pub(crate) fn enter(&self, since: Instant, waker: &Waker) -> Seat {
        let mut table = self.table();
        let evicted = if table.seated.len() >= self.0.most {
            if !std::mem::replace(&mut table.warned, true) {
                tracing::warn!(
                    most = self.0.most,
                    "too many connections stand still: the oldest of them are broken off"
                );
            }
            table.seated.pop_first()
        } else {
            None
        };
        let key = (since, table.next);
        table.next += 1;
        table.seated.insert(key, waker.clone());
        drop(table);
        if let Some((_, waker)) = evicted {
            waker.wake();
        }
        Seat {
            stalls: self.clone(),
            key,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a stalled write. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Seat {
    stalls: Stalls,
    key: Key,
}

impl Seat {
    /// Resolves when the write is to be given up.
    pub(crate) fn poll_evicted(&self, cx: &Context<'_>) -> Poll<()> {
        let mut table = self.stalls.table();
        let Some(known) = table.seated.get_mut(&self.key) else {
            return Poll::Ready(());
        };
        if !known.will_wake(cx.waker()) {
            let old = std::mem::replace(known, cx.waker().clone());
            // A waker's end may run anything, such as the end of another seat.
            drop(table);
            drop(old);
        }
        Poll::Pending
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = self.stalls.table();
        let waker = table.seated.remove(&self.key);
        if table.seated.len() <= self.stalls.0.most / 2 {
            table.warned = false;
        }
        drop(table);
        drop(waker);
    }
}
