//! Watches a share's folder for changes on the host.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};

use crate::{CacheTimes, FileServer, Volume, path_names};

/// Why a folder could not be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The folder is not there.
    #[error("failed to find the shared folder {}", path.display())]
    Folder {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The host's watches are used up, or it has none for this file system.
    #[error("failed to watch the shared folder {}", path.display())]
    Watch {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: notify::Error,
    },
}

/// While it exists the guest may cache for long, and is told of changes on the host.
pub struct Watch<V: Volume> {
    server: Arc<FileServer<V>>,
    _watcher: RecommendedWatcher,
}

impl<V: Volume> Watch<V> {
    /// Starts watching the folder at `path`, which must be the one that `server` serves. Takes as long as a walk through
    /// all folders below it, so call it from where that is welcome.
    pub fn start(server: &Arc<FileServer<V>>, path: &Path) -> Result<Self, WatchError> {
        // The paths in events start with this one.
        let folder = path.canonicalize().map_err(|source| WatchError::Folder {
            path: path.to_owned(),
            source,
        })?;
        let failed = |source| WatchError::Watch {
            path: path.to_owned(),
            source,
        };
        let listener = Listener {
            server: Arc::downgrade(server),
            folder: folder.clone(),
        };
        let mut watcher = notify::recommended_watcher(move |event| listener.hear(event)).map_err(failed)?;
        watcher.watch(&folder, RecursiveMode::Recursive).map_err(failed)?;
        server.set_cache(CacheTimes::WATCHED);
        // What it was told before the watch was complete.
        server.note_any_change();
        Ok(Self {
            server: Arc::clone(server),
            _watcher: watcher,
        })
    }
}

impl<V: Volume> Drop for Watch<V> {
    fn drop(&mut self) {
        self.server.set_cache(self.server.first_cache());
        self.server.note_any_change();
    }
}

struct Listener<V: Volume> {
    /// The watcher must not keep alive what it is for.
    server: Weak<FileServer<V>>,
    folder: PathBuf,
}

impl<V: Volume> Listener<V> {
    fn hear(&self, event: notify::Result<Event>) {
        let Some(server) = self.server.upgrade() else {
            return;
        };
        match event {
            Ok(event) if event.need_rescan() => server.note_any_change(),
            Ok(event) if is_change(event.kind) => {
                for path in &event.paths {
                    let below = path.strip_prefix(&self.folder).ok();
                    if let Some(names) = below.and_then(path_names) {
                        server.note_change(names);
                    }
                }
            }
            Ok(_) => {}
            Err(error) => {
                // A folder that could not be added: from now on there are changes that nobody hears of.
                tracing::warn!(%error, folder = %self.folder.display(), "watch of a shared folder is incomplete");
                server.set_cache(CacheTimes::UNWATCHED);
                server.note_any_change();
            }
        }
    }
}

/// Reading changes nothing; the end of writing matters because a memory map's writes are not told before.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, ModifyKind};

    use super::*;

    #[test]
    fn is_change_reading_is_none() {
        assert!(!is_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!is_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        for kind in [
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Create(CreateKind::File),
            EventKind::Modify(ModifyKind::Any),
            EventKind::Any,
        ] {
            assert!(is_change(kind), "{kind:?}");
        }
    }
}
