//! The nodes that the guest's kernel knows, with the names it knows them by.
//!
//! A node stays as long as the kernel counts lookups of it, named or not: an unlinked file that is open goes on working.
//! Numbers are never used twice. The names are for invalidation: what changed on the host comes as a path.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Errno, Found, Kind, Name, NodeKey, abi::ROOT_ID};

/// How many names are remembered to be absent. Beyond them the guest asks each time.
const MOST_ABSENT: usize = 65_536;

/// The table. `N` is a volume's node.
#[derive(Debug)]
pub struct NodeTable<N> {
    state: Mutex<State<N>>,
    /// How many nodes there may be, and names.
    most: usize,
}

#[derive(Debug)]
struct State<N> {
    entries: HashMap<u64, Entry<N>>,
    by_key: HashMap<NodeKey, u64>,
    by_name: HashMap<(u64, Name), u64>,
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
    /// A table that knows the share's folder.
    pub fn new(root: Found<N>, most: usize) -> Self {
        let key = root.metadata.key;
        let known = Known {
            node: Arc::new(root.node),
            key,
            kind: root.metadata.kind,
        };
        let entry = Entry {
            known,
            lookups: 1,
            names: HashSet::new(),
        };
        let state = State {
            entries: HashMap::from([(ROOT_ID, entry)]),
            by_key: HashMap::from([(key, ROOT_ID)]),
            by_name: HashMap::new(),
            absent: HashMap::new(),
            absent_count: 0,
            next: ROOT_ID + 1,
        };
        Self {
            state: Mutex::new(state),
            most,
        }
    }

    /// The node of this number. `ESTALE` when the guest never heard of it, or forgot it.
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
        let key = found.metadata.key;
        let id = match state.by_key.get(&key) {
            Some(&id) => id,
            None if state.entries.len() >= self.most => return Err(Errno::NFILE),
            None => state.next,
        };
        let place = (folder, name.clone());
        if state.by_name.get(&place) != Some(&id) {
            if state.by_name.len() >= self.most {
                return Err(Errno::NFILE);
            }
            state.forget_name(&place);
        }
        state.forget_absent(folder, name);
        let entry = state.entries.entry(id).or_insert_with(|| {
            state.by_key.insert(key, id);
            state.next += 1;
            let known = Known {
                node: Arc::new(found.node),
                key,
                kind: found.metadata.kind,
            };
            Entry {
                known,
                lookups: 0,
                names: HashSet::new(),
            }
        });
        entry.lookups = entry.lookups.saturating_add(1);
        entry.names.insert(place.clone());
        state.by_name.insert(place, id);
        Ok(id)
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
        if entry.lookups > 0 {
            return false;
        }
        let Some(entry) = state.entries.remove(&id) else {
            return false;
        };
        state.by_key.remove(&entry.known.key);
        for name in &entry.names {
            state.by_name.remove(name);
        }
        if let Some(names) = state.absent.remove(&id) {
            state.absent_count -= names.len();
        }
        // Closing the handle waits for the host; not with the table locked.
        drop(state);
        drop(entry);
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

    /// What the guest knows this name to lead to.
    pub fn child(&self, folder: u64, name: &Name) -> Option<(u64, NodeKey)> {
        let state = self.state();
        let id = state.by_name.get(&(folder, name.clone()))?;
        Some((*id, state.entries.get(id)?.known.key))
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
    fn forget_name(&mut self, place: &(u64, Name)) -> Option<u64> {
        let id = self.by_name.remove(place)?;
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.names.remove(place);
        }
        Some(id)
    }

    fn set_name(&mut self, place: (u64, Name), id: u64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.names.insert(place.clone());
            self.by_name.insert(place, id);
        }
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
mod tests {
    use super::*;
    use crate::{Metadata, Time};

    fn found(inode: u64) -> Found<u64> {
        let metadata = Metadata {
            key: NodeKey { device: 1, inode },
            kind: Kind::Folder,
            permissions: 0o755,
            size: 0,
            blocks: 0,
            block_size: 4096,
            links: 1,
            accessed: Time::default(),
            modified: Time::default(),
            changed: Time::default(),
        };
        Found {
            node: inode,
            metadata,
        }
    }

    fn table(most: usize) -> NodeTable<u64> {
        NodeTable::new(found(100), most)
    }

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn forget_node_stays_until_the_last_lookup_is_taken_back() {
        let table = table(10);
        let id = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
        assert_eq!(table.remember(ROOT_ID, &name("b"), found(1)), Ok(id));
        assert!(!table.forget(id, 1));
        assert!(table.get(id).is_ok());
        assert!(table.forget(id, 5));
        assert_eq!(table.get(id).unwrap_err(), Errno::STALE);
        assert_eq!(table.child(ROOT_ID, &name("b")), None);
    }

    #[test]
    fn forget_root_and_strangers_change_nothing() {
        let table = table(10);
        assert!(!table.forget(ROOT_ID, u64::MAX) && !table.forget(99, 1));
        assert!(table.get(ROOT_ID).is_ok());
    }

    #[test]
    fn remember_numbers_are_never_used_twice() {
        let table = table(10);
        let first = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
        table.forget(first, 1);
        assert_ne!(table.remember(ROOT_ID, &name("a"), found(1)).unwrap(), first);
    }

    #[test]
    fn remember_beyond_the_limit_is_refused_and_forgetting_makes_room() {
        let table = table(2);
        let id = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
        assert_eq!(table.remember(ROOT_ID, &name("b"), found(2)), Err(Errno::NFILE));
        table.forget(id, 1);
        assert!(table.remember(ROOT_ID, &name("b"), found(2)).is_ok());
    }

    #[test]
    fn note_moved_names_follow() {
        let table = table(10);
        let a = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
        let b = table.remember(ROOT_ID, &name("b"), found(2)).unwrap();
        table.note_moved((ROOT_ID, &name("a")), (ROOT_ID, &name("b")), true);
        assert_eq!(table.child(ROOT_ID, &name("b")).map(|child| child.0), Some(a));
        assert_eq!(table.child(ROOT_ID, &name("a")).map(|child| child.0), Some(b));
        table.note_moved((ROOT_ID, &name("a")), (a, &name("c")), false);
        assert_eq!(table.child(ROOT_ID, &name("a")), None);
        assert_eq!(table.resolve(&[name("b"), name("c")]), Some(b));
    }

    #[test]
    fn note_absent_is_forgotten_when_the_name_comes_to_be() {
        let table = table(10);
        assert!(table.note_absent(ROOT_ID, &name("x")));
        assert_eq!(
            table.names(),
            [KnownName {
                folder: ROOT_ID,
                name: name("x"),
                node: None
            }]
        );
        table.remember(ROOT_ID, &name("x"), found(1)).unwrap();
        assert_eq!(table.names().len(), 1);
        assert!(table.names()[0].node.is_some());
    }
}
