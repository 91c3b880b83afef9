//! Changes on the host, carried to the guest as replays so that inotify tells programs in containers of them.
//!
//! ```text
//!   watch ─► echo: the guest's own doing? ─► queue ─► one at a time: REPLAY ─► the guest's replayer thread
//!                                                           ▲                        │ mknodat, unlinkat, ..
//!                                                           └── REPLAYED ◄───────────┴─► session/replays answers
//! ```
//!
//! The guest's kernel has no other way to make inotify speak: its replayer thread does the change once more on the mount,
//! and what it asks for is answered as done, without the host being touched. Only one replay is under way, so that every
//! request of that thread belongs to a known change.
//!
//! Nobody can watch a folder that the guest's kernel does not hold, so what changes elsewhere is not replayed.
//!
//! Long because: it is one replay's way from the queue to its end, tries included.

mod change;
mod echo;
mod message;
mod queue;

pub use change::{Action, Change, ChangeKind, Place, Replay};

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::{
    Errno, Kind, Name, Volume,
    abi::InHeader,
    nodes::{Known, NodeTable},
    reply::{self, Body},
    request::Operation,
    session::{Session, Tables},
};
use echo::Echoes;
use queue::Queue;

/// How often one replay is tried: somebody in the guest may look the name up at the wrong moment.
const TRIES: u8 = 5;
/// How long the first half of a rename waits for the second.
const HALF_RENAME: Duration = Duration::from_millis(50);

/// A share's replays.
#[derive(Default)]
pub struct Replays {
    state: Mutex<State>,
    echoes: Echoes,
    news: Notify,
    /// The guest's replayer, or 0 when there is none now.
    thread: AtomicU32,
    /// Whether there ever was one: a guest without has no use for what would be queued.
    is_wanted: AtomicBool,
    lost: AtomicU64,
}

#[derive(Default)]
struct State {
    queue: Queue,
    /// To be sent once more.
    again: Option<Current>,
    current: Option<Current>,
    last_number: u64,
}

/// The replay that the guest is working on.
#[derive(Clone, Debug)]
pub struct Current {
    number: u64,
    pub replay: Replay,
    /// Whether the request that matters came.
    is_performed: bool,
    tries: u8,
}

impl Replays {
    /// The guest has a replayer, on the stream that is served now.
    pub fn attach(&self, thread: u32) {
        self.thread.store(thread, Ordering::Relaxed);
        self.is_wanted.fetch_or(thread != 0, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// The stream ended. What was under way is sent again on the next.
    pub fn detach(&self) {
        self.thread.store(0, Ordering::Relaxed);
        let mut state = self.state();
        if let Some(current) = state.current.take() {
            state.again = Some(current);
        }
    }

    /// Another mount: nobody watches anything in it yet. The stream is the same, and so is the replayer on it, which may
    /// have been told of before the kernel's first request was worked on.
    pub fn reset(&self) {
        let mut state = self.state();
        (state.current, state.again) = (None, None);
        state.queue = Queue::default();
        drop(state);
        self.echoes.reset();
    }

    /// Whether this thread's requests are replays.
    pub fn is_replayer(&self, thread: u32) -> bool {
        thread != 0 && thread == self.thread.load(Ordering::Relaxed)
    }

    /// Whether there is anybody to replay for.
    pub fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }

    /// How many changes of the host were never replayed.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Changes were not heard of, or cannot be told.
    pub fn note_lost(&self, count: u64) {
        if count > 0 && self.is_wanted() && self.lost.fetch_add(count, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "some changes on the host were not told to programs that watch files in containers"
            );
        }
    }

    pub fn echoes(&self) -> &Echoes {
        &self.echoes
    }

    /// Carries a request of the guest out, and remembers what it changed.
    pub fn watched<V: Volume>(
        &self,
        session: &Session<V>,
        tables: &Tables<V>,
        header: &InHeader,
        operation: Operation<'_>,
        answer: impl FnOnce(Operation<'_>) -> Result<Body, Errno>,
    ) -> Result<Body, Errno> {
        if !self.is_wanted() {
            return answer(operation);
        }
        let own = self.echoes.begin(header, &operation, &tables.nodes);
        let answer = answer(operation);
        for change in self.echoes.end(session, tables, own, answer.is_ok()) {
            self.note(session, change, || {});
        }
        answer
    }

    /// Something changed on the host. `invalidate` queues what tells the guest's kernel, between what the tables say now
    /// and the replay. How many changes were dropped: then anything may have changed for the guest.
    pub fn note<V: Volume>(&self, session: &Session<V>, change: Change, invalidate: impl FnOnce()) -> u64 {
        if !self.is_wanted() {
            invalidate();
            return 0;
        }
        let tables = session.tables();
        let prepared = self.state().queue.prepare(&tables.nodes, change);
        let prepared = prepared.filter(|change| !self.echoes.is_echo(session, &tables, change));
        invalidate();
        let Some(change) = prepared else { return 0 };
        let dropped = self.state().queue.push(change);
        self.note_lost(dropped);
        self.news.notify_one();
        dropped
    }

    /// Waits until there may be a replay to send.
    pub async fn ready(&self) {
        loop {
            let wait = {
                let state = self.state();
                if self.thread.load(Ordering::Relaxed) == 0 || state.current.is_some() {
                    None
                } else if state.again.is_some() {
                    return;
                } else {
                    state.queue.ripe_in(HALF_RENAME)
                }
            };
            match wait {
                Some(Duration::ZERO) => return,
                Some(wait) => {
                    let _ = tokio::time::timeout(wait, self.news.notified()).await;
                }
                None => self.news.notified().await,
            }
        }
    }

    /// Takes the next replay that makes sense, as messages. To be called before the invalidations are taken that are sent
    /// first.
    pub fn take(&self) -> Option<Current> {
        let mut state = self.state();
        if state.current.is_some() || self.thread.load(Ordering::Relaxed) == 0 {
            return None;
        }
        if let Some(again) = state.again.take() {
            return Some(again);
        }
        if state.queue.ripe_in(HALF_RENAME)? > Duration::ZERO {
            return None;
        }
        let replay = state.queue.pop()?;
        Some(Current {
            number: 0,
            replay,
            is_performed: false,
            tries: 0,
        })
    }

    /// The messages of a replay that was taken. None when it came to nothing meanwhile.
    pub fn messages<V: Volume>(&self, session: &Session<V>, mut current: Current) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let tables = session.tables();
        let Some(paths) = self.prepare(session, &tables, &mut current, &mut messages) else {
            self.news.notify_one();
            return messages;
        };
        let mut state = self.state();
        state.last_number += 1;
        current.number = state.last_number;
        current.is_performed = false;
        current.tries += 1;
        messages.push(message::replay(
            current.number,
            &current.replay,
            &paths.0,
            paths.1.as_deref(),
        ));
        state.current = Some(current);
        messages
    }

    /// Makes the guest's kernel ask for the names that matter. The paths, or none when there is nothing to replay.
    fn prepare<V: Volume>(
        &self,
        session: &Session<V>,
        tables: &Tables<V>,
        current: &mut Current,
        messages: &mut Vec<Vec<u8>>,
    ) -> Option<(Vec<Name>, Option<Vec<Name>>)> {
        let replay = &mut current.replay;
        let nodes = &tables.nodes;
        // A folder that the guest forgot, nobody watches.
        let folder = nodes.get(replay.place.folder).ok()?;
        let found = session.volume().find(&folder.node, &replay.place.name);
        match &mut replay.action {
            Action::Created { is_folder } => {
                if let Ok(found) = found {
                    *is_folder = found.metadata.kind == Kind::Folder;
                }
            }
            // Its end comes as a change of its own.
            Action::Modified | Action::Attributes => drop(found.ok()?),
            Action::Removed { is_folder } => {
                if let Some(former) = replay.former.and_then(|id| nodes.get(id).ok()) {
                    *is_folder = former.kind == Kind::Folder;
                }
                if !ask_anew(tables, session.volume(), &replay.place, replay.former, messages) {
                    self.note_lost(1);
                    return None;
                }
            }
            Action::Renamed { to, is_folder, .. } => {
                if !ask_anew(tables, session.volume(), &replay.place, replay.former, messages) {
                    self.note_lost(1);
                    return None;
                }
                let there = nodes.get(to.folder).ok()?;
                if let Ok(found) = session.volume().find(&there.node, &to.name) {
                    *is_folder = found.metadata.kind == Kind::Folder;
                }
            }
        }
        let path = |place: &Place| {
            let mut path = nodes.path(place.folder)?;
            path.push(place.name.clone());
            Some(path)
        };
        let first = path(&replay.place);
        let second = match &replay.action {
            Action::Renamed { to, .. } => path(to).map(Some),
            _ => Some(None),
        };
        let paths = first.zip(second);
        if paths.is_none() {
            // The folder moved on the host, and the guest was not told where to yet.
            self.note_lost(1);
        }
        paths
    }

    /// The guest did what it was sent, or failed to.
    pub fn replayed(&self, number: u64, errno: u32) {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(current) = state.current.take_if(|current| current.number == number) else {
            return;
        };
        let is_done = errno == 0 && current.is_performed;
        // What exists is known to the guest as living; that does not change.
        let is_hopeless = errno == Errno::EXIST.number().unsigned_abs();
        let is_last = is_done || is_hopeless || current.tries >= TRIES;
        if let (true, Action::Renamed { to, .. }) = (is_last, &current.replay.action) {
            state.queue.forget_moved(to);
        }
        if !is_last {
            state.again = Some(current);
        } else if !is_done {
            tracing::debug!(errno, replay = ?current.replay, "change of the host could not be replayed");
            // Better something than nothing for who watches.
            if let Some(replay) = current.replay.fallback() {
                state.again = Some(Current {
                    replay,
                    tries: 0,
                    ..current
                });
            }
            drop(guard);
            self.note_lost(1);
        }
        self.news.notify_one();
    }

    /// The replay under way.
    pub fn current(&self) -> Option<Replay> {
        self.state()
            .current
            .as_ref()
            .map(|current| current.replay.clone())
    }

    /// The request that makes up this replay was answered.
    pub fn note_performed(&self) {
        if let Some(current) = &mut self.state().current {
            current.is_performed = true;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What probably happened at a place, by what is there now.
pub fn guess<V: Volume>(session: &Session<V>, path: &[Name]) -> ChangeKind {
    let guess = || {
        let tables = session.tables();
        let (name, folders) = path.split_last()?;
        let folder = tables.nodes.resolve(folders)?;
        let known = tables.nodes.child(folder, name);
        let parent = tables.nodes.get(folder).ok()?;
        let Ok(found) = session.volume().find(&parent.node, name) else {
            return Some(ChangeKind::Removed { is_folder: None });
        };
        let is_folder = found.metadata.kind == Kind::Folder;
        if known.is_none_or(|(_, key)| key != found.metadata.key) {
            return Some(ChangeKind::Created {
                is_folder: Some(is_folder),
            });
        }
        is_folder.then_some(ChangeKind::Attributes)
    };
    guess().unwrap_or(ChangeKind::Written)
}

/// Sees to it that the guest's kernel asks what a name is. False when it must not: a living folder is known by that name,
/// and something may be mounted on it.
fn ask_anew<V: Volume>(
    tables: &Tables<V>,
    volume: &V,
    place: &Place,
    former: Option<u64>,
    messages: &mut Vec<Vec<u8>>,
) -> bool {
    let nodes = &tables.nodes;
    let known = nodes.child(place.folder, &place.name).map(|(id, _)| id);
    if known.is_some_and(|id| Some(id) != former && is_living_folder(nodes, volume, id)) {
        return false;
    }
    if known.is_some() || nodes.is_absent(place.folder, &place.name) {
        nodes.note_invalidated(place.folder, &place.name);
        messages.push(reply::invalidate_entry(place.folder, &place.name));
    }
    true
}

fn is_living_folder<V: Volume>(nodes: &NodeTable<V::Node>, volume: &V, id: u64) -> bool {
    nodes
        .get(id)
        .is_ok_and(|known| is_living(volume, &known) && known.kind == Kind::Folder)
}

/// Whether any name on the host leads to it.
pub fn is_living<V: Volume>(volume: &V, known: &Known<V::Node>) -> bool {
    volume
        .metadata(&known.node)
        .is_ok_and(|metadata| metadata.links > 0)
}

/// When something was noted, for what must not be believed for ever.
fn is_older(since: Instant, age: Duration) -> bool {
    since.elapsed() > age
}
