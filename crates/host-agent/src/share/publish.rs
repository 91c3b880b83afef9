//! What the table publishes and keeps.

use std::sync::Arc;

use api::{Share, ShareOrigin};
use engine_proxy::rewrite::PathMap;
use tokio::sync::watch;

use super::{
    entry::{Entry, Mount},
    kept::KeptShare,
    paths::{self, Place},
    task::Task,
};

/// What everybody else reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Every share.
    pub shares: Arc<[Share]>,
    /// The guest's boot of which is known what it mounted.
    pub boot_id: Option<[u8; 16]>,
}

/// Where outcomes are published.
pub(super) struct Outlets {
    pub(super) published: watch::Sender<Published>,
    pub(super) paths: watch::Sender<Arc<PathMap>>,
}

impl Task {
    /// Saves what is shared now, where that is something else than before.
    pub(super) async fn save_kept(&mut self) {
        let added = self.entries.values().filter(|entry| !entry.is_new);
        let added = added.filter(|entry| entry.origin == ShareOrigin::Added);
        let added: Vec<KeptShare> = added
            .map(|entry| KeptShare {
                path: entry.path.clone(),
                written: entry.written.clone(),
                read_only: entry.read_only,
            })
            .collect();
        if self.kept.note(added) {
            self.kept.save().await;
        }
    }

    pub(super) fn publish(&self) {
        let places = self.entries.iter().map(|(id, entry)| Place {
            id: id.clone(),
            host: entry.path.clone(),
            written: entry.written.clone(),
            guest: match &entry.guest {
                Mount::At(path) => Some(path.clone()),
                _ => None,
            },
        });
        // The map first: who waits for the shares reads it then.
        let map = paths::map(places.collect(), &self.hidden_paths);
        self.outlets.paths.send_replace(Arc::new(map));
        let now = Published {
            shares: self.entries.values().map(Entry::show).collect(),
            boot_id: self.boot_id.filter(|_| self.has_answered),
        };
        self.outlets.published.send_if_modified(|published| {
            let is_changed = *published != now;
            *published = now;
            is_changed
        });
    }
}
