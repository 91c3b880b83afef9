//! The nodes that the guest's kernel knows, with the names it knows them by.
//!
//! A node stays as long as the kernel counts lookups of it, named or not: an unlinked file that is open goes on working.
//! Numbers are never used twice, nor are those of an earlier server. The names are for invalidation: what changed on the
//! host comes as a path.
//!
//! ```text
//!   share (1) ── src (5, lookups 0, pins 1) ── app (0x1f3a.., lookups 1, adopted)
//! ```
//!
//! The folders on the way to an adopted node are known without a lookup, as long as it is.
//!
//! On a volume without case the kernel may know one file by several spellings of its name, each for itself. What happens
//! to one of them on the host happens to all.
//!
//! Long because: numbers, keys, names and absent names change together, under one lock.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Errno, Found, Kind, Name, NodeKey, abi::ROOT_ID, hidden::folded, numbers};

/// How many names are remembered to be absent. Beyond them the guest asks each time.
const MOST_ABSENT: usize = 65_536;
/// Folders in each other. A host's paths have no more.
const MOST_DEEP: usize = 255;

/// The table. `N` is a volume's node.
#[derive(Debug)]
pub struct NodeTable<N> {
    state: Mutex<State<N>>,
    /// How many nodes there may be, and names.
    most: usize,
}

/// Names as they are written, by folder and text without case.
type Spellings = HashMap<(u64, Vec<u8>), HashSet<Name>>;

#[derive(Debug)]
struct State<N> {
    entries: HashMap<u64, Entry<N>>,
    by_key: HashMap<NodeKey, u64>,
    by_name: HashMap<(u64, Name), u64>,
    /// The names in `by_name` without case. None for a volume that has case.
    spellings: Option<Spellings>,
    /// Names that the guest was told are not there, by folder.
    absent: HashMap<u64, HashSet<Name>>,
    absent_count: usize,
    next: u64,
}

#[derive(Debug)]
struct Entry<N> {
    known: Known<N>,
    lookups: u64,
    names: HashSet<(u64, Name)>,
    /// How many adopted nodes are below it.
    pins: usize,
    /// The folders on the way to it, when it was adopted.
    way: Vec<u64>,
}

impl<N> Entry<N> {
    fn new(found: Found<N>) -> Self {
        let known = Known {
            node: Arc::new(found.node),
            key: found.metadata.key,
            kind: found.metadata.kind,
        };
        Self {
            known,
            lookups: 0,
            names: HashSet::new(),
            pins: 0,
            way: Vec::new(),
        }
    }

    fn is_unused(&self) -> bool {
        self.lookups == 0 && self.pins == 0
    }
}

/// A node that the guest may speak of.
#[derive(Debug)]
pub struct Known<N> {
    pub node: Arc<N>,
    pub key: NodeKey,
    pub kind: Kind,
}

impl<N> Clone for Known<N> {
    fn clone(&self) -> Self {
        Self {
            node: Arc::clone(&self.node),
            key: self.key,
            kind: self.kind,
        }
    }
}

/// A name that the guest knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownName {
    pub folder: u64,
    pub name: Name,
    /// What it leads to, or none when the guest knows that there is nothing.
    pub node: Option<(u64, NodeKey)>,
}

impl<N> NodeTable<N> {
    /// A table that knows the share's folder. `folds`: whether the volume's names have no case.
    pub fn new(root: Found<N>, most: usize, folds: bool) -> Self {
        let key = root.metadata.key;
        let entry = Entry {
            lookups: 1,
            ..Entry::new(root)
        };
        let state = State {
            entries: HashMap::from([(ROOT_ID, entry)]),
            by_key: HashMap::from([(key, ROOT_ID)]),
            by_name: HashMap::new(),
            spellings: folds.then(HashMap::new),
            absent: HashMap::new(),
            absent_count: 0,
            next: numbers::random_start(),
        };
        Self {
            state: Mutex::new(state),
            most,
        }
    }

    /// The node of this number. `ESTALE` when the guest never heard of it, or forgot it, or heard of it from an earlier
    /// server: the kernel then walks the path once more and asks for every name on it, which `ENOENT` would not make it do.
    pub fn get(&self, id: u64) -> Result<Known<N>, Errno> {
        self.state()
            .entries
            .get(&id)
            .map(|entry| entry.known.clone())
            .ok_or(Errno::STALE)
    }

    /// Counts a lookup that found this, and returns its number. `ENFILE` when no more can be borne.
    pub fn remember(&self, folder: u64, name: &Name, found: Found<N>) -> Result<u64, Errno> {
        let mut guard = self.state();
        let state = &mut *guard;
        let id = state.place(self.most, folder, name, found)?;
        if let Some(entry) = state.entries.get_mut(&id) {
            entry.lookups = entry.lookups.saturating_add(1);
        }
        Ok(id)
    }

    /// Knows a node by a number that an earlier server gave it. `way` are the folders on the way to it.
    ///
    /// How often the kernel looked it up is not known. It takes all lookups back at once when it lets the node go, so one is
    /// as good as any number. `EEXIST` when the number is in use, `ENFILE` when no more can be borne.
    pub fn adopt(
        &self,
        id: u64,
        way: Vec<(Name, Found<N>)>,
        (name, found): (Name, Found<N>),
    ) -> Result<(), Errno> {
        let mut guard = self.state();
        let state = &mut *guard;
        if id <= ROOT_ID || state.entries.contains_key(&id) {
            return Err(Errno::EXIST);
        }
        let more = way.len() + 1;
        if state.entries.len().max(state.by_name.len()) + more > self.most {
            return Err(Errno::NFILE);
        }
        let mut folders = Vec::with_capacity(way.len());
        let mut folder = ROOT_ID;
        for (name, found) in way {
            folder = state.place(self.most, folder, &name, found)?;
            if let Some(entry) = state.entries.get_mut(&folder) {
                entry.pins += 1;
            }
            folders.push(folder);
        }
        let key = found.metadata.key;
        match state.by_key.get(&key).copied() {
            // On the way to one that was adopted before: the kernel never heard of the number.
            Some(other) if state.entries.get(&other).is_some_and(|entry| entry.lookups == 0) => {
                state.renumber(other, id);
            }
            // Two numbers for one: the first is the one that lookups give.
            Some(_) => {
                state.entries.insert(id, Entry::new(found));
            }
            None => {
                state.entries.insert(id, Entry::new(found));
                state.by_key.insert(key, id);
            }
        }
        if let Some(entry) = state.entries.get_mut(&id) {
            entry.lookups = 1;
            entry.way = folders;
        }
        if state.by_key.get(&key) == Some(&id) {
            state.name(folder, &name, id);
        }
        Ok(())
    }

    /// Takes lookups back; the node goes with the last one. Whether it went.
    pub fn forget(&self, id: u64, lookups: u64) -> bool {
        if id == ROOT_ID {
            return false;
        }
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(&id) else {
            return false;
        };
        entry.lookups = entry.lookups.saturating_sub(lookups);
        if !entry.is_unused() {
            return false;
        }
        let gone = state.take_unused(id);
        // Closing the handles waits for the host; not with the table locked.
        drop(state);
        drop(gone);
        true
    }

    /// Notes that the guest is about to be told that there is no such name. False when it must not keep that for long.
    pub fn note_absent(&self, folder: u64, name: &Name) -> bool {
        let mut state = self.state();
        if state.absent_count >= MOST_ABSENT || !state.entries.contains_key(&folder) {
            return false;
        }
        if state.absent.entry(folder).or_default().insert(name.clone()) {
            state.absent_count += 1;
        }
        true
    }

    /// Whether the guest was told that there is no such name.
    pub fn is_absent(&self, folder: u64, name: &Name) -> bool {
        self.state()
            .absent
            .get(&folder)
            .is_some_and(|names| names.contains(name))
    }

    /// Forgets that the guest was told so, because it is about to make the name itself. Whether it was.
    pub fn take_absent(&self, folder: u64, name: &Name) -> bool {
        self.state().forget_absent(folder, name)
    }

    /// Notes that a name is gone by the guest's own doing.
    pub fn note_removed(&self, folder: u64, name: &Name) {
        self.state().forget_name(&(folder, name.clone()));
    }

    /// Notes that a name moved by the guest's own doing.
    pub fn note_moved(&self, from: (u64, &Name), to: (u64, &Name), exchanged: bool) {
        let mut state = self.state();
        let from = (from.0, from.1.clone());
        let to = (to.0, to.1.clone());
        if from == to {
            return;
        }
        let moved = state.forget_name(&from);
        let replaced = state.forget_name(&to);
        state.forget_absent(to.0, &to.1);
        if let Some(id) = moved {
            state.set_name(to, id);
        }
        if let (true, Some(id)) = (exchanged, replaced) {
            state.set_name(from, id);
        }
    }

    /// Forgets what the guest was told about a name, when it is told the contrary.
    pub fn note_invalidated(&self, folder: u64, name: &Name) {
        let mut state = self.state();
        state.forget_absent(folder, name);
        state.forget_name(&(folder, name.clone()));
    }

    /// The number of the folder that these names lead to, when the guest knows it by them.
    pub fn resolve(&self, names: &[Name]) -> Option<u64> {
        let state = self.state();
        names.iter().try_fold(ROOT_ID, |folder, name| {
            state.by_name.get(&(folder, name.clone())).copied()
        })
    }

    /// The numbers of all folders that these names may lead to: several when the guest knows them by other spellings.
    pub fn resolve_all(&self, names: &[Name]) -> Vec<u64> {
        let state = self.state();
        names.iter().fold(vec![ROOT_ID], |folders, name| {
            let places = folders.into_iter().flat_map(|folder| {
                let known = state.spellings_of(folder, name);
                known.map(move |name| (folder, name.clone()))
            });
            let found: HashSet<u64> = places
                .filter_map(|place| state.by_name.get(&place).copied())
                .collect();
            found.into_iter().collect()
        })
    }

    /// Other spellings by which the guest knows this name. None on a volume that has case.
    pub fn other_spellings(&self, folder: u64, name: &Name) -> Vec<Name> {
        let state = self.state();
        let known = state.spellings_of(folder, name);
        known.filter(|known| *known != name).cloned().collect()
    }

    /// What the guest knows this name to lead to.
    pub fn child(&self, folder: u64, name: &Name) -> Option<(u64, NodeKey)> {
        let state = self.state();
        let id = state.by_name.get(&(folder, name.clone()))?;
        Some((*id, state.entries.get(id)?.known.key))
    }

    /// Names that lead to this folder, from the share's on, as far as the guest knows.
    pub fn path(&self, id: u64) -> Option<Vec<Name>> {
        let state = self.state();
        let mut path = Vec::new();
        let mut at = id;
        while at != ROOT_ID {
            let (folder, name) = state.entries.get(&at)?.names.iter().next()?;
            path.push(name.clone());
            // Names that lead in a circle are none of a host's.
            if path.len() > MOST_DEEP {
                return None;
            }
            at = *folder;
        }
        path.reverse();
        Some(path)
    }

    /// Counts a lookup of a node that has no name any more. None when the guest does not know it.
    pub fn count_lookup(&self, id: u64) -> Option<Known<N>> {
        let mut state = self.state();
        let entry = state.entries.get_mut(&id)?;
        entry.lookups = entry.lookups.saturating_add(1);
        Some(entry.known.clone())
    }

    /// Notes that a name leads to a node that the guest knows.
    pub fn note_named(&self, folder: u64, name: &Name, id: u64) {
        let mut state = self.state();
        if state.entries.contains_key(&id) && state.by_name.len() < self.most {
            state.name(folder, name, id);
        }
    }

    /// A number that no node has, nor ever will have.
    pub fn unused_number(&self) -> u64 {
        self.state().number()
    }

    /// Everything that the guest knows by name.
    pub fn names(&self) -> Vec<KnownName> {
        let state = self.state();
        let present = state.by_name.iter().map(|((folder, name), id)| KnownName {
            folder: *folder,
            name: name.clone(),
            node: state.entries.get(id).map(|entry| (*id, entry.known.key)),
        });
        let absent = state.absent.iter().flat_map(|(folder, names)| {
            names.iter().map(|name| KnownName {
                folder: *folder,
                name: name.clone(),
                node: None,
            })
        });
        present.chain(absent).collect()
    }

    /// The numbers of all nodes.
    pub fn ids(&self) -> Vec<u64> {
        self.state().entries.keys().copied().collect()
    }

    fn state(&self) -> MutexGuard<'_, State<N>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N> State<N> {
    /// The number of what was found under a name, a new one when it has none.
    fn place(&mut self, most: usize, folder: u64, name: &Name, found: Found<N>) -> Result<u64, Errno> {
        let key = found.metadata.key;
        let known = self.by_key.get(&key).copied();
        if known.is_none() && self.entries.len() >= most {
            return Err(Errno::NFILE);
        }
        let place = (folder, name.clone());
        let named = self.by_name.get(&place).copied();
        if (named.is_none() || named != known) && self.by_name.len() >= most {
            return Err(Errno::NFILE);
        }
        let id = known.unwrap_or_else(|| {
            let id = self.number();
            self.by_key.insert(key, id);
            self.entries.insert(id, Entry::new(found));
            id
        });
        self.name(folder, name, id);
        Ok(id)
    }

    /// A number that no node has, nor ever had.
    fn number(&mut self) -> u64 {
        // An adopted node may be in the way.
        while self.entries.contains_key(&self.next) {
            self.next += 1;
        }
        self.next += 1;
        self.next - 1
    }

    /// Notes that a name leads to this node.
    fn name(&mut self, folder: u64, name: &Name, id: u64) {
        let place = (folder, name.clone());
        if self.by_name.get(&place) != Some(&id) {
            self.forget_name(&place);
        }
        self.forget_absent(folder, name);
        self.set_name(place, id);
    }

    /// Gives a node that the kernel has not heard of the number that it knows it by.
    fn renumber(&mut self, from: u64, to: u64) {
        let Some(entry) = self.entries.remove(&from) else {
            return;
        };
        self.by_key.insert(entry.known.key, to);
        for place in &entry.names {
            self.by_name.insert(place.clone(), to);
        }
        self.entries.insert(to, entry);
        let below: Vec<Name> = self
            .by_name
            .keys()
            .filter(|(folder, _)| *folder == from)
            .map(|(_, name)| name.clone())
            .collect();
        for name in below {
            if let Some(child) = self.forget_name(&(from, name.clone())) {
                self.set_name((to, name), child);
            }
        }
        for entry in self.entries.values_mut() {
            for id in &mut entry.way {
                if *id == from {
                    *id = to;
                }
            }
        }
    }

    /// Takes a node out, and what was only known because it is below.
    fn take_unused(&mut self, id: u64) -> Vec<Entry<N>> {
        let mut gone = Vec::new();
        let mut unused = vec![id];
        while let Some(id) = unused.pop() {
            let Some(entry) = self.entries.remove(&id) else {
                continue;
            };
            if self.by_key.get(&entry.known.key) == Some(&id) {
                self.by_key.remove(&entry.known.key);
            }
            for name in &entry.names {
                self.by_name.remove(name);
                self.forget_spelling(name);
            }
            if let Some(names) = self.absent.remove(&id) {
                self.absent_count -= names.len();
            }
            for id in &entry.way {
                if let Some(folder) = self.entries.get_mut(id) {
                    folder.pins = folder.pins.saturating_sub(1);
                    if folder.is_unused() {
                        unused.push(*id);
                    }
                }
            }
            gone.push(entry);
        }
        gone
    }

    fn forget_name(&mut self, place: &(u64, Name)) -> Option<u64> {
        let id = self.by_name.remove(place)?;
        self.forget_spelling(place);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.names.remove(place);
        }
        Some(id)
    }

    fn set_name(&mut self, place: (u64, Name), id: u64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.names.insert(place.clone());
            if let Some(spellings) = &mut self.spellings {
                let loose = (place.0, folded(place.1.as_bytes()).into_owned());
                spellings.entry(loose).or_default().insert(place.1.clone());
            }
            self.by_name.insert(place, id);
        }
    }

    fn forget_spelling(&mut self, (folder, name): &(u64, Name)) {
        let Some(spellings) = &mut self.spellings else {
            return;
        };
        let loose = (*folder, folded(name.as_bytes()).into_owned());
        if let Some(names) = spellings.get_mut(&loose) {
            names.remove(name);
            if names.is_empty() {
                spellings.remove(&loose);
            }
        }
    }

    /// The names that the guest knows in a folder and that may be this one.
    fn spellings_of<'a>(&'a self, folder: u64, name: &'a Name) -> impl Iterator<Item = &'a Name> {
        let (exact, others) = match &self.spellings {
            None => (Some(name), None),
            Some(spellings) => {
                let loose = (folder, folded(name.as_bytes()).into_owned());
                (None, spellings.get(&loose))
            }
        };
        exact.into_iter().chain(others.into_iter().flatten())
    }

    fn forget_absent(&mut self, folder: u64, name: &Name) -> bool {
        let Some(names) = self.absent.get_mut(&folder) else {
            return false;
        };
        if !names.remove(name) {
            return false;
        }
        self.absent_count -= 1;
        if names.is_empty() {
            self.absent.remove(&folder);
        }
        true
    }
}

#[cfg(test)]
mod tests;
