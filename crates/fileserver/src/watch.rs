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
use tokio::sync::watch;

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
///
/// It may lose sight of a part of the folder later, when there are more folders than the host has watches for. From then
/// on the guest caches for a second only, and is told of the changes that are still heard of.
pub struct Watch<V: Volume> {
    server: Arc<FileServer<V>>,
    gap: watch::Receiver<Option<String>>,
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
        let (listener, gap) = Listener::new(server, folder.clone());
        let mut watcher = notify::recommended_watcher(move |event| listener.hear(event)).map_err(failed)?;
        watcher.watch(&folder, RecursiveMode::Recursive).map_err(failed)?;
        server.set_cache(CacheTimes::WATCHED);
        if gap.borrow().is_some() {
            // Already: the listener may have said so before the line above.
            server.set_cache(CacheTimes::UNWATCHED);
        }
        // What it was told before the watch was complete.
        server.note_any_change();
        Ok(Self {
            server: Arc::clone(server),
            gap,
            _watcher: watcher,
        })
    }

    /// Resolves, with the reason, when there may be changes in the folder that are not heard of. That stays so: another
    /// watch is needed, after this one was dropped.
    pub fn gap(&self) -> impl Future<Output = String> + Send + use<V> {
        let mut gap = self.gap.clone();
        async move {
            let found = gap.wait_for(Option::is_some).await;
            match found.as_ref().map(|reason| reason.as_deref()) {
                Ok(Some(reason)) => reason.to_owned(),
                Ok(None) | Err(_) => "its watcher ended".to_owned(),
            }
        }
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
    /// Why not everything is heard of.
    gap: watch::Sender<Option<String>>,
}

impl<V: Volume> Listener<V> {
    fn new(server: &Arc<FileServer<V>>, folder: PathBuf) -> (Self, watch::Receiver<Option<String>>) {
        let (gap, found) = watch::channel(None);
        let server = Arc::downgrade(server);
        (Self { server, folder, gap }, found)
    }

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
                let is_first = self.gap.send_if_modified(|gap| {
                    let is_first = gap.is_none();
                    gap.get_or_insert_with(|| error.to_string());
                    is_first
                });
                if is_first {
                    tracing::warn!(%error, folder = %self.folder.display(), "watch of a shared folder is incomplete");
                }
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
    use std::time::Duration;

    use super::*;
    use crate::{HostFolder, ShareOptions};

    #[tokio::test]
    async fn hear_that_watches_are_used_up_is_a_gap_and_ends_long_caching() {
        let folder = tempfile::tempdir().unwrap();
        let volume = HostFolder::open(folder.path()).unwrap();
        let server = Arc::new(FileServer::new(volume, ShareOptions::default()).unwrap());
        let mut watch = Watch::start(&server, folder.path()).unwrap();
        assert_eq!(server.session.cache(), CacheTimes::WATCHED);
        // As the watcher's own listener hears it when a new folder cannot be added.
        let (listener, gap) = Listener::new(&server, folder.path().to_owned());
        watch.gap = gap;
        let told = watch.gap();
        assert!(watch.gap.borrow().is_none());
        for kind in [notify::ErrorKind::MaxFilesWatch, notify::ErrorKind::PathNotFound] {
            listener.hear(Err(notify::Error::new(kind)));
        }
        let reason = tokio::time::timeout(Duration::from_secs(60), told).await.unwrap();
        assert!(reason.contains("limit"), "{reason}");
        assert_eq!(server.session.cache(), CacheTimes::UNWATCHED);
        drop(watch);
        let _another = Watch::start(&server, folder.path()).unwrap();
        assert_eq!(server.session.cache(), CacheTimes::WATCHED);
    }

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
