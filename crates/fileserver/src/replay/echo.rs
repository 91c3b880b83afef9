//! The guest's own changes, which the host's watch reports like any other.
//!
//! Inotify in the guest told of them already. While the guest's request is at work, what is heard of its names and nodes
//! is its own; afterwards a name's echo is expected once, and a node's state tells whether anybody changed it since. In
//! doubt a change is replayed: hearing of it twice is better than never.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    change::{Change, ChangeKind, Place, Prepared},
    is_older,
};
use crate::{
    Metadata, NodeKey, Time, Volume,
    abi::{self, InHeader, set},
    nodes::NodeTable,
    request::Operation,
    session::{Session, Tables},
};

/// How many names, and nodes, are remembered.
const MOST_REMEMBERED: usize = 65_536;
/// For how long the echo of a name is waited for: some hosts gather changes for a second or two.
const MOST_AGE: Duration = Duration::from_secs(10);
/// Linux's `RENAME_EXCHANGE`.
const EXCHANGE: u32 = 2;

/// What is remembered.
#[derive(Debug, Default)]
pub struct Echoes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<(Place, Effect), Expected>,
    nodes: HashMap<u64, Touched>,
}

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Effect {
    Made,
    Gone,
}

#[derive(Debug)]
struct Expected {
    /// Requests at work.
    at_work: usize,
    /// What was heard meanwhile.
    heard: Vec<Change>,
    /// Echoes that are still to come.
    to_come: u32,
    /// What the name led to afterwards.
    key: Option<NodeKey>,
    since: Instant,
}

#[derive(Debug, Default)]
struct Touched {
    at_work: usize,
    /// How many requests there ever were.
    begun: u64,
    heard: Option<Change>,
    /// How the guest's watchers know the file's bytes to be, and its attributes.
    written: Option<Stamp>,
    attributes: Option<Stamp>,
}

/// A file's state, as far as it tells whether somebody changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Time,
    changed: Time,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size,
            modified: metadata.modified,
            changed: metadata.changed,
        }
    }

    fn now<V: Volume>(session: &Session<V>, nodes: &NodeTable<V::Node>, id: u64) -> Option<Self> {
        let known = nodes.get(id).ok()?;
        Some(Self::of(&session.volume().metadata(&known.node).ok()?))
    }
}

/// What a request of the guest changes.
#[derive(Debug, Default)]
pub struct Own {
    names: Vec<(Place, Effect)>,
    nodes: Vec<u64>,
}

impl Own {
    fn of<N>(header: &InHeader, operation: &Operation<'_>, nodes: &NodeTable<N>) -> Self {
        let place = |folder, name: &crate::Name| Place {
            folder,
            name: name.clone(),
        };
        let child = |place: &Place| nodes.child(place.folder, &place.name).map(|(id, _)| id);
        let mut own = Self::default();
        match operation {
            Operation::MakeLink { name, .. }
            | Operation::MakeNode { name, .. }
            | Operation::MakeFolder { name, .. }
            | Operation::Create { name, .. } => own.names.push((place(header.nodeid, name), Effect::Made)),
            Operation::HardLink { node, name } => {
                own.names.push((place(header.nodeid, name), Effect::Made));
                own.nodes.push(*node);
            }
            Operation::Remove(name) | Operation::RemoveFolder(name) => {
                own.names.push((place(header.nodeid, name), Effect::Gone));
            }
            Operation::Rename {
                name,
                new_folder,
                new_name,
                flags,
            } => {
                let (from, to) = (place(header.nodeid, name), place(*new_folder, new_name));
                if *flags == EXCHANGE {
                    own.names.push((from.clone(), Effect::Made));
                    own.names.push((to.clone(), Effect::Gone));
                }
                own.names.push((from, Effect::Gone));
                own.names.push((to, Effect::Made));
            }
            Operation::Open(input) if input.flags & abi::open::TRUNCATE != 0 => own.nodes.push(header.nodeid),
            Operation::SetAttributes(input) if input.valid & !set::FH != 0 => own.nodes.push(header.nodeid),
            Operation::Write { .. }
            | Operation::Allocate(_)
            | Operation::SetXattr { .. }
            | Operation::RemoveXattr { .. } => own.nodes.push(header.nodeid),
            Operation::Copy(input) => own.nodes.push(input.nodeid_out),
            _ => {}
        }
        let named: Vec<u64> = own.names.iter().filter_map(|(place, _)| child(place)).collect();
        own.nodes.extend(named);
        own.nodes.sort_unstable();
        own.nodes.dedup();
        own
    }
}

impl Echoes {
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    /// A request of the guest is about to be carried out.
    pub fn begin<N>(&self, header: &InHeader, operation: &Operation<'_>, nodes: &NodeTable<N>) -> Own {
        let own = Own::of(header, operation, nodes);
        if own.names.is_empty() && own.nodes.is_empty() {
            return own;
        }
        let mut state = self.state();
        state.make_room();
        for name in &own.names {
            let expected = state.names.entry(name.clone()).or_insert_with(|| Expected {
                at_work: 0,
                heard: Vec::new(),
                to_come: 0,
                key: None,
                since: Instant::now(),
            });
            expected.at_work += 1;
        }
        for id in &own.nodes {
            let touched = state.nodes.entry(*id).or_default();
            touched.at_work += 1;
            touched.begun += 1;
        }
        own
    }

    /// It was. What was heard meanwhile and is not the guest's doing, because it failed.
    pub fn end<V: Volume>(
        &self,
        session: &Session<V>,
        tables: &Tables<V>,
        own: Own,
        succeeded: bool,
    ) -> Vec<Change> {
        let mut heard = Vec::new();
        for id in own.nodes {
            heard.extend(self.end_node(session, &tables.nodes, id, succeeded));
        }
        for name in own.names {
            let known = tables.nodes.child(name.0.folder, &name.0.name);
            if let (true, Effect::Made, Some((id, _))) = (succeeded, name.1, known)
                && let Some(stamp) = Stamp::now(session, &tables.nodes, id)
            {
                let mut state = self.state();
                let touched = state.nodes.entry(id).or_default();
                (touched.written, touched.attributes) = (Some(stamp), Some(stamp));
            }
            let mut state = self.state();
            let Some(expected) = state.names.get_mut(&name) else {
                continue;
            };
            expected.at_work = expected.at_work.saturating_sub(1);
            let was_heard = expected
                .heard
                .iter()
                .position(|change| effect(change.kind) == Some(name.1));
            if !succeeded {
                heard.append(&mut expected.heard);
            } else {
                match was_heard {
                    Some(index) => drop(expected.heard.remove(index)),
                    None => expected.to_come += 1,
                }
                expected.key = known.map(|(_, key)| key);
                expected.since = Instant::now();
            }
            if expected.at_work == 0 {
                expected.heard.clear();
                if expected.to_come == 0 {
                    state.names.remove(&name);
                }
            }
        }
        heard
    }

    fn end_node<V: Volume>(
        &self,
        session: &Session<V>,
        nodes: &NodeTable<V::Node>,
        id: u64,
        succeeded: bool,
    ) -> Option<Change> {
        loop {
            let begun = {
                let mut state = self.state();
                let touched = state.nodes.get_mut(&id)?;
                if touched.at_work > 1 {
                    // The last one looks what came of all.
                    touched.at_work -= 1;
                    return None;
                }
                touched.begun
            };
            let stamp = Stamp::now(session, nodes, id);
            let mut state = self.state();
            let touched = state.nodes.get_mut(&id)?;
            if touched.begun != begun {
                continue;
            }
            touched.at_work = 0;
            if succeeded {
                (touched.written, touched.attributes) = (stamp, stamp);
            }
            let heard = touched.heard.take();
            return heard.filter(|_| !succeeded);
        }
    }

    /// Whether a change is what the guest did itself, or nothing that its watchers were not told of.
    pub fn is_echo<V: Volume>(&self, session: &Session<V>, tables: &Tables<V>, prepared: &Prepared) -> bool {
        let Prepared { change, place, node } = prepared;
        match effect(change.kind) {
            Some(effect) => self.is_expected(session, tables, (place.clone(), effect), change),
            None => {
                let mut state = self.state();
                if let Some(made) = state.names.get_mut(&(place.clone(), Effect::Made))
                    && made.at_work > 0
                    && made.heard.len() < 16
                {
                    made.heard.push(change.clone());
                    return true;
                }
                let Some(touched) = node.and_then(|id| state.nodes.get_mut(&id)) else {
                    return false;
                };
                if touched.at_work > 0 {
                    touched.heard = Some(change.clone());
                    return true;
                }
                let told = if change.kind == ChangeKind::Written {
                    touched.written
                } else {
                    touched.attributes
                };
                drop(state);
                told.is_some() && node.and_then(|id| Stamp::now(session, &tables.nodes, id)) == told
            }
        }
    }

    fn is_expected<V: Volume>(
        &self,
        session: &Session<V>,
        tables: &Tables<V>,
        name: (Place, Effect),
        change: &Change,
    ) -> bool {
        let mut state = self.state();
        let Some(expected) = state.names.get_mut(&name) else {
            return false;
        };
        if expected.at_work > 0 {
            expected.heard.push(change.clone());
            return true;
        }
        let key = expected.key;
        if expected.to_come > 0 && !is_older(expected.since, MOST_AGE) {
            expected.to_come -= 1;
            if expected.to_come == 0 {
                state.names.remove(&name);
            }
            drop(state);
            let found = || {
                let folder = tables.nodes.get(name.0.folder).ok()?;
                session.volume().find(&folder.node, &name.0.name).ok()
            };
            // A file that came to be there since is somebody else's. When there is none, its end is heard of too.
            if name.1 == Effect::Gone || found().is_none_or(|found| Some(found.metadata.key) == key) {
                return true;
            }
            state = self.state();
        }
        // It is the host's turn: what was expected before will not come any more.
        let (place, _) = name;
        for effect in [Effect::Made, Effect::Gone] {
            let name = (place.clone(), effect);
            if state
                .names
                .get(&name)
                .is_some_and(|expected| expected.at_work == 0)
            {
                state.names.remove(&name);
            }
        }
        false
    }

    /// The guest's watchers are being told of a node as it is now.
    pub fn note_told(&self, id: u64, kind: ChangeKind, metadata: &Metadata) {
        let mut state = self.state();
        state.make_room();
        let touched = state.nodes.entry(id).or_default();
        let stamp = Some(Stamp::of(metadata));
        if kind == ChangeKind::Written {
            touched.written = stamp;
        } else {
            touched.attributes = stamp;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self) {
        if self.names.len() >= MOST_REMEMBERED {
            self.names.retain(|_, expected| expected.at_work > 0);
        }
        if self.nodes.len() >= MOST_REMEMBERED {
            self.nodes.retain(|_, touched| touched.at_work > 0);
        }
    }
}

fn effect(kind: ChangeKind) -> Option<Effect> {
    match kind {
        ChangeKind::Created { .. } | ChangeKind::MovedTo { .. } => Some(Effect::Made),
        ChangeKind::Removed { .. } | ChangeKind::MovedFrom { .. } => Some(Effect::Gone),
        ChangeKind::Written | ChangeKind::Attributes => None,
    }
}
