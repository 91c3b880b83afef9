//! Watches a share's folder for changes on the host.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode},
};

use crate::{
    CacheTimes, FileServer, Volume, path_names,
    replay::{Change, ChangeKind},
};

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
            Ok(event) if event.need_rescan() => server.note_unheard(),
            Ok(event) => {
                for path in &event.paths {
                    let below = path.strip_prefix(&self.folder).ok();
                    let Some(path) = below.and_then(path_names) else {
                        continue;
                    };
                    match heard(event.kind, event.tracker()) {
                        Heard::Change(kind) => server.note_host_change(Change { kind, path }),
                        Heard::Unclear => server.note_unclear_change(path),
                        Heard::Again => server.note_change(path),
                        Heard::Nothing => {}
                    }
                }
            }
            Err(error) => {
                // A folder that could not be added: from now on there are changes that nobody hears of.
                tracing::warn!(%error, folder = %self.folder.display(), "watch of a shared folder is incomplete");
                server.set_cache(CacheTimes::UNWATCHED);
                server.note_unheard();
            }
        }
    }
}

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Change(ChangeKind),
    /// Something changed, or was made, moved or removed.
    Unclear,
    /// What other events tell in full.
    Again,
    Nothing,
}

/// Reading changes nothing; the end of writing matters because a memory map's writes are not told before. `mark`: what
/// both halves of a rename have in common.
fn heard(kind: EventKind, mark: Option<usize>) -> Heard {
    let is_folder = |folder: bool, file: bool| match (folder, file) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        (false, false) => None,
    };
    Heard::Change(match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => ChangeKind::Written,
        EventKind::Access(_) => return Heard::Nothing,
        EventKind::Create(kind) => ChangeKind::Created {
            is_folder: is_folder(kind == CreateKind::Folder, kind == CreateKind::File),
        },
        EventKind::Remove(kind) => ChangeKind::Removed {
            is_folder: is_folder(kind == RemoveKind::Folder, kind == RemoveKind::File),
        },
        EventKind::Modify(ModifyKind::Metadata(_)) => ChangeKind::Attributes,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => ChangeKind::MovedFrom { mark },
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => ChangeKind::MovedTo { mark },
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return Heard::Again,
        EventKind::Modify(ModifyKind::Name(_)) => return Heard::Unclear,
        EventKind::Modify(_) => ChangeKind::Written,
        EventKind::Any | EventKind::Other => return Heard::Unclear,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heard_reading_is_nothing() {
        for kind in [
            AccessKind::Open(AccessMode::Any),
            AccessKind::Close(AccessMode::Read),
        ] {
            assert_eq!(heard(EventKind::Access(kind), None), Heard::Nothing);
        }
        assert_eq!(
            heard(EventKind::Access(AccessKind::Close(AccessMode::Write)), None),
            Heard::Change(ChangeKind::Written)
        );
    }

    #[test]
    fn heard_renames_keep_their_mark_and_are_told_once() {
        let renamed = |mode| heard(EventKind::Modify(ModifyKind::Name(mode)), Some(7));
        let mark = Some(7);
        assert_eq!(
            renamed(RenameMode::From),
            Heard::Change(ChangeKind::MovedFrom { mark })
        );
        assert_eq!(
            renamed(RenameMode::To),
            Heard::Change(ChangeKind::MovedTo { mark })
        );
        assert_eq!(renamed(RenameMode::Both), Heard::Again);
    }

    #[test]
    fn heard_what_the_host_does_not_tell_is_looked_at() {
        assert_eq!(heard(EventKind::Any, None), Heard::Unclear);
        assert_eq!(
            heard(EventKind::Create(CreateKind::Any), None),
            Heard::Change(ChangeKind::Created { is_folder: None })
        );
    }
}
