//! What changed on the host, as notifications for the guest's kernel.
//!
//! A changed name is looked up before the guest is told anything. A name that still leads to the same file is never taken
//! back: the guest's kernel would drop the name, and with it whatever is mounted there, such as the volume of a container
//! on `node_modules` in a bind mount. Only the file's attributes and pages are. That is also what happens after a change
//! by the guest itself, which the host's watcher reports like any other.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{Errno, Name, Volume, abi::ROOT_ID, reply, session::Session, session::Tables};

/// More changes than this at once are as good as any number.
const MOST_PENDING: usize = 16_384;

/// Changes that the guest was not told of yet.
#[derive(Default)]
pub struct Changes {
    pending: Mutex<Batch>,
    news: Notify,
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

    /// Waits for changes and takes them all.
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
        nodes: HashSet::new(),
        messages: Vec::new(),
    };
    if batch.everything {
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
        if let Some(folder) = tables.nodes.resolve(folders) {
            telling.node(folder);
            telling.look_at(folder, name);
        }
    }
    telling.messages
}

struct Telling<'a, V: Volume> {
    volume: &'a V,
    tables: &'a Tables<V>,
    /// Told already.
    nodes: HashSet<u64>,
    messages: Vec<Vec<u8>>,
}

impl<V: Volume> Telling<'_, V> {
    /// Compares what the guest knows a name to be with what it is now.
    fn look_at(&mut self, folder: u64, name: &Name) {
        let Ok(parent) = self.tables.nodes.get(folder) else {
            return;
        };
        let known = self.tables.nodes.child(folder, name);
        let now = self
            .volume
            .find(&parent.node, name)
            .map(|found| found.metadata.key);
        match (known, now) {
            (Some((id, key)), Ok(now)) if now == key => self.node(id),
            (Some((id, _)), now) => {
                self.tables.nodes.note_invalidated(folder, name);
                if now == Err(Errno::NOENT) {
                    // Who watches the folder in the guest hears of this one; it fails for a folder with names in it.
                    self.messages.push(reply::deleted(folder, id, name));
                }
                self.messages.push(reply::invalidate_entry(folder, name));
                self.node(id);
            }
            (None, Ok(_)) if self.tables.nodes.is_absent(folder, name) => {
                self.tables.nodes.note_invalidated(folder, name);
                self.messages.push(reply::invalidate_entry(folder, name));
            }
            (None, _) => {}
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
