//! What changed on the host, as notifications for the guest's kernel.
//!
//! A changed name is looked up before the guest is told anything. A name that still leads to the same file is never taken
//! back: the guest's kernel would drop the name, and with it whatever is mounted there, such as the volume of a container
//! on `node_modules` in a bind mount. Only the file's attributes and pages are. That is also what happens after a change
//! by the guest itself, which the host's watcher reports like any other. For the same reason "anything may have changed"
//! is no message to the kernel that all names are void (`FUSE_NOTIFY_INC_EPOCH`): every name that the guest knows is
//! compared. On a volume without case a change of one name is one of all its spellings. Only after INIT, when the kernel may know names that this server does not, there is no other way.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    Errno, Name, NodeKey, Volume, abi::ROOT_ID, replay::is_living, reply, session::Session, session::Tables,
};

/// More changes than this at once are as good as any number.
const MOST_PENDING: usize = 16_384;

/// Changes that the guest was not told of yet.
#[derive(Default)]
pub struct Changes {
    pending: Mutex<Batch>,
    news: Notify,
}

/// Names that the guest was told to look up anew lately. What was on its way when a stream ended did not arrive, and the
/// names are not known any more: they are told once more. So many are more than a stream can hold.
#[derive(Default)]
pub struct Told {
    names: Mutex<VecDeque<(u64, Name)>>,
}

/// Most names in [`Told`].
const MOST_TOLD: usize = 16_384;

impl Told {
    fn note(&self, folder: u64, name: &Name) {
        let mut names = self.names();
        if names.len() >= MOST_TOLD {
            names.pop_front();
        }
        names.push_back((folder, name.clone()));
    }

    fn all(&self) -> HashSet<(u64, Name)> {
        self.names().iter().cloned().collect()
    }

    fn names(&self) -> MutexGuard<'_, VecDeque<(u64, Name)>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Names from the share's folder on.
    paths: HashSet<Vec<Name>>,
    everything: bool,
}

impl Changes {
    pub fn note(&self, names: Vec<Name>) {
        let mut pending = self.pending();
        if !pending.everything {
            pending.paths.insert(names);
            if pending.paths.len() > MOST_PENDING {
                pending.set_everything();
            }
        }
        drop(pending);
        self.news.notify_one();
    }

    pub fn note_everything(&self) {
        self.pending().set_everything();
        self.news.notify_one();
    }

    /// Waits for changes, and leaves them where they are.
    pub async fn ready(&self) {
        while *self.pending() == Batch::default() {
            self.news.notified().await;
        }
    }

    /// Takes them all.
    pub fn take(&self) -> Batch {
        mem::take(&mut *self.pending())
    }

    /// Waits for changes and takes them all.
    #[cfg(test)]
    pub async fn next(&self) -> Batch {
        loop {
            let batch = mem::take(&mut *self.pending());
            if batch != Batch::default() {
                return batch;
            }
            self.news.notified().await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, Batch> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn set_everything(&mut self) {
        self.paths = HashSet::new();
        self.everything = true;
    }
}

/// The notifications that tell the guest of these changes. Looks at the host's files.
pub fn notifications<V: Volume>(session: &Session<V>, batch: Batch) -> Vec<Vec<u8>> {
    let tables = session.tables();
    let mut telling = Telling {
        volume: session.volume(),
        tables: &tables,
        replays: session.replays().is_wanted(),
        nodes: HashSet::new(),
        messages: Vec::new(),
    };
    if batch.everything {
        for (folder, name) in tables.told.all() {
            telling.tell_again(folder, &name);
        }
        for known in tables.nodes.names() {
            telling.look_at(known.folder, &known.name);
        }
        for id in tables.nodes.ids() {
            telling.node(id);
        }
    }
    for path in &batch.paths {
        let Some((name, folders)) = path.split_last() else {
            telling.node(ROOT_ID);
            continue;
        };
        // A folder that the guest does not know: it knows nothing in it either.
        for folder in tables.nodes.resolve_all(folders) {
            telling.node(folder);
            let now = telling.look_at(folder, name);
            for spelling in tables.nodes.other_spellings(folder, name) {
                let known = tables.nodes.child(folder, &spelling);
                // What leads to the same file needs no look, so that very many spellings cost no more.
                if now.is_none() || known.map(|(_, key)| key) != now {
                    telling.look_at(folder, &spelling);
                } else if let Some((id, _)) = known {
                    telling.node(id);
                }
            }
        }
    }
    telling.messages
}

struct Telling<'a, V: Volume> {
    volume: &'a V,
    tables: &'a Tables<V>,
    /// Whether the guest replays changes.
    replays: bool,
    /// Told already.
    nodes: HashSet<u64>,
    messages: Vec<Vec<u8>>,
}

impl<V: Volume> Telling<'_, V> {
    /// Compares what the guest knows a name to be with what it is now. The file that it leads to, where there is one.
    fn look_at(&mut self, folder: u64, name: &Name) -> Option<NodeKey> {
        let parent = self.tables.nodes.get(folder).ok()?;
        let known = self.tables.nodes.child(folder, name);
        let now = self
            .volume
            .find(&parent.node, name)
            .map(|found| found.metadata.key);
        match (known, now) {
            (Some((id, key)), Ok(now)) if now == key => self.node(id),
            (Some((id, _)), now) => {
                self.tables.nodes.note_invalidated(folder, name);
                if now == Err(Errno::NOENT) && self.is_deleted(id) {
                    // Who watches the folder in the guest hears of this one; it fails for a folder with names in it.
                    self.messages.push(reply::deleted(folder, id, name));
                }
                self.tables.told.note(folder, name);
                self.messages.push(reply::invalidate_entry(folder, name));
                self.node(id);
            }
            (None, Ok(_)) if self.tables.nodes.is_absent(folder, name) => {
                self.tables.nodes.note_invalidated(folder, name);
                self.tables.told.note(folder, name);
                self.messages.push(reply::invalidate_entry(folder, name));
            }
            (None, _) => {}
        }
        now.ok()
    }

    /// Not where a replay tells of it, nor when it lives on by another name: the guest's kernel would take it for dead.
    fn is_deleted(&self, id: u64) -> bool {
        !self.replays
            && self
                .tables
                .nodes
                .get(id)
                .is_ok_and(|known| !is_living(self.volume, &known))
    }

    /// What the guest knows by now needs no telling: it looked since.
    fn tell_again(&mut self, folder: u64, name: &Name) {
        let nodes = &self.tables.nodes;
        if nodes.get(folder).is_ok() && nodes.child(folder, name).is_none() && !nodes.is_absent(folder, name)
        {
            self.messages.push(reply::invalidate_entry(folder, name));
        }
    }

    fn node(&mut self, id: u64) {
        if self.nodes.insert(id) {
            self.messages.push(reply::invalidate_node(id, true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Name> {
        text.split('/')
            .map(|name| Name::new(name.as_bytes()).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn next_changes_of_one_place_come_once() {
        let changes = Changes::default();
        for text in ["a/b", "a/b", "c"] {
            changes.note(path(text));
        }
        let expected = Batch {
            paths: HashSet::from([path("a/b"), path("c")]),
            everything: false,
        };
        assert_eq!(changes.next().await, expected);
    }

    #[tokio::test]
    async fn next_too_many_changes_become_everything() {
        let changes = Changes::default();
        for index in 0..=MOST_PENDING {
            changes.note(path(&index.to_string()));
        }
        assert_eq!(
            changes.next().await,
            Batch {
                paths: HashSet::new(),
                everything: true
            }
        );
    }
}
