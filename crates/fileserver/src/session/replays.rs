//! Requests of the guest's replayer thread: what happened on the host already is answered as done.
//!
//! Nothing here changes a file on the host, whatever the guest asks for. A guest that says of another thread that it is
//! the replayer, or replays what never was, fools itself.

use super::{Request, Session};
use crate::{
    Errno, Kind, Name, Volume,
    abi::{self, Attr, EntryOut, OpenOut, SetattrIn, set},
    nodes::Known,
    replay::{Action, ChangeKind, Place, Replay, is_living},
    reply::Body,
    request::Operation,
};

/// The open file of a replayed write. No file has this number.
const HANDLE: u64 = u64::MAX;

impl<V: Volume> Request<'_, V> {
    /// Answers the replayer thread.
    pub(super) fn answer_replayer(
        &self,
        session: &Session<V>,
        operation: Operation<'_>,
    ) -> Result<Body, Errno> {
        let current = session.replays().current();
        let current = current.as_ref();
        let performed = |answer| {
            session.replays().note_performed();
            Ok(answer)
        };
        match operation {
            Operation::Lookup(name) => match current {
                Some(current) => self.look_up_replayed(current, &name),
                None => self.lookup(&name),
            },
            Operation::MakeNode { name, .. } if self.creates(current, &name, false) => {
                performed(Body::of(&self.ghost(Kind::File)))
            }
            Operation::MakeFolder { name, .. } if self.creates(current, &name, true) => {
                performed(Body::of(&self.ghost(Kind::Folder)))
            }
            Operation::Remove(name) | Operation::RemoveFolder(name) if self.removes(current, &name) => {
                performed(Body::empty())
            }
            Operation::Rename {
                name,
                new_folder,
                new_name,
                ..
            } if self.renames(current, &name, new_folder, &new_name) => {
                if let Some(current) = current {
                    self.note_renamed(current);
                }
                performed(Body::empty())
            }
            Operation::Open(_) if self.touches(current, &Action::Modified) => {
                let known = self.node()?;
                super::files::must_be_file(known.kind)?;
                self.note_told(session, &known, ChangeKind::Written)?;
                Ok(Body::of(&OpenOut {
                    fh: HANDLE,
                    open_flags: abi::FOPEN_KEEP_CACHE,
                    padding: 0,
                }))
            }
            Operation::Allocate(input) if input.fh == HANDLE => performed(Body::empty()),
            // Times as they are now, whatever the thread wrote: they are the host's.
            Operation::SetAttributes(SetattrIn { valid, .. })
                if valid & set::SIZE == 0 && self.touches(current, &Action::Attributes) =>
            {
                let known = self.node()?;
                self.note_told(session, &known, ChangeKind::Attributes)?;
                performed(self.attributes_body(&known.node)?)
            }
            operation if is_reading(&operation) => self.answer(operation),
            _ => Err(Errno::PERM),
        }
    }

    /// A name, as it was when what is replayed had not happened.
    fn look_up_replayed(&self, current: &Replay, name: &Name) -> Result<Body, Errno> {
        let asked = Place {
            folder: self.header.nodeid,
            name: name.clone(),
        };
        let former = match &current.action {
            Action::Created { is_folder } if asked == current.place => {
                return self.look_up_created(name, *is_folder);
            }
            Action::Renamed {
                to,
                replaced,
                is_folder,
            } if asked == *to => {
                return match replaced.and_then(|id| self.as_it_was(id, *is_folder, true)) {
                    // A folder that something is moved over is dead for the guest's kernel from then on.
                    Some(entry) if !is_folder => Ok(Body::of(&entry)),
                    _ => self.look_up_created(name, *is_folder),
                };
            }
            Action::Removed { is_folder } if asked == current.place => current
                .former
                .and_then(|id| self.as_it_was(id, *is_folder, true))
                .unwrap_or_else(|| self.ghost(kind(*is_folder))),
            Action::Renamed { is_folder, .. } if asked == current.place => current
                .former
                .and_then(|id| self.as_it_was(id, *is_folder, false))
                .unwrap_or_else(|| self.ghost(kind(*is_folder))),
            _ => return self.lookup(name),
        };
        Ok(Body::of(&former))
    }

    /// There is nothing yet where something was made; but a folder that the guest knows must not be taken back, with what
    /// may be mounted on it.
    fn look_up_created(&self, name: &Name, is_folder: bool) -> Result<Body, Errno> {
        if is_folder && self.is_living_folder_at(self.header.nodeid, name) {
            return self.lookup(name);
        }
        Err(Errno::NOENT)
    }

    fn is_living_folder_at(&self, folder: u64, name: &Name) -> bool {
        let nodes = &self.tables.nodes;
        let known = nodes.child(folder, name).and_then(|(id, _)| nodes.get(id).ok());
        known.is_some_and(|known| known.kind == Kind::Folder && is_living(self.volume, &known))
    }

    /// An entry of a node that is not there any more. None when the guest does not hold it, when it is something else, or
    /// when `removed` is a folder that lives on elsewhere: the guest's kernel would take it for dead.
    fn as_it_was(&self, id: u64, is_folder: bool, removed: bool) -> Option<EntryOut> {
        let known = self.tables.nodes.get(id).ok()?;
        let is_alive = is_living(self.volume, &known);
        if (known.kind == Kind::Folder) != is_folder || (removed && is_folder && is_alive) {
            return None;
        }
        let metadata = self.volume.metadata(&known.node).ok()?;
        let mut attr = self.attributes(&known.node, &metadata);
        if removed {
            // The kernel takes the name off again that is removed.
            attr.nlink = attr.nlink.saturating_add(1);
        }
        let known = self.tables.nodes.count_lookup(id)?;
        drop(known);
        Some(EntryOut {
            nodeid: id,
            attr,
            ..EntryOut::default()
        })
    }

    /// An entry of nothing, that nobody but the replayer gets and that is believed for no time. Its number was never used,
    /// so whoever asks about it is told that it is stale.
    fn ghost(&self, kind: Kind) -> EntryOut {
        let nodeid = self.tables.nodes.unused_number();
        EntryOut {
            nodeid,
            attr: Attr {
                ino: nodeid,
                mode: kind.mode() | 0o700,
                nlink: if kind == Kind::Folder { 2 } else { 1 },
                uid: self.options.owner.uid,
                gid: self.options.owner.gid,
                blksize: abi::PAGE as u32,
                ..Attr::default()
            },
            ..EntryOut::default()
        }
    }

    fn is_at(&self, place: &Place, name: &Name) -> bool {
        place.folder == self.header.nodeid && place.name == *name
    }

    fn creates(&self, current: Option<&Replay>, name: &Name, folder: bool) -> bool {
        current.is_some_and(|current| {
            current.action == Action::Created { is_folder: folder } && self.is_at(&current.place, name)
        })
    }

    /// Not when the guest knows a living folder by that name: its kernel would take it for dead.
    fn removes(&self, current: Option<&Replay>, name: &Name) -> bool {
        current.is_some_and(|current| {
            matches!(current.action, Action::Removed { .. })
                && self.is_at(&current.place, name)
                && !self.is_living_folder_at(self.header.nodeid, name)
        })
    }

    fn renames(&self, current: Option<&Replay>, name: &Name, new_folder: u64, new_name: &Name) -> bool {
        current.is_some_and(|current| match &current.action {
            Action::Renamed { to, .. } => {
                self.is_at(&current.place, name) && to.folder == new_folder && to.name == *new_name
            }
            _ => false,
        })
    }

    fn touches(&self, current: Option<&Replay>, action: &Action) -> bool {
        current.is_some_and(|current| {
            let known = self.tables.nodes.child(current.place.folder, &current.place.name);
            current.action == *action && known.is_some_and(|(id, _)| id == self.header.nodeid)
        })
    }

    /// The guest's kernel has the node at its new name from now on.
    fn note_renamed(&self, current: &Replay) {
        let (Action::Renamed { to, .. }, Some(former)) = (&current.action, current.former) else {
            return;
        };
        let nodes = &self.tables.nodes;
        let (Ok(known), Ok(there)) = (nodes.get(former), nodes.get(to.folder)) else {
            return;
        };
        if let Ok(found) = self.find(&there, &to.name)
            && found.metadata.key == known.key
        {
            nodes.note_named(to.folder, &to.name, former);
        }
    }

    fn note_told(&self, session: &Session<V>, known: &Known<V::Node>, kind: ChangeKind) -> Result<(), Errno> {
        let metadata = self.volume.metadata(&known.node)?;
        session
            .replays()
            .echoes()
            .note_told(self.header.nodeid, kind, &metadata);
        Ok(())
    }
}

fn kind(is_folder: bool) -> Kind {
    if is_folder { Kind::Folder } else { Kind::File }
}

fn is_reading(operation: &Operation<'_>) -> bool {
    match operation {
        Operation::Lookup(_)
        | Operation::GetAttributes
        | Operation::ReadLink
        | Operation::Statistics
        | Operation::Read(_)
        | Operation::Seek(_)
        | Operation::OpenFolder
        | Operation::ReadFolder { .. }
        | Operation::ReleaseFolder(_)
        | Operation::GetXattr { .. }
        | Operation::ListXattrs { .. }
        | Operation::Flush(_)
        | Operation::Release(_) => true,
        Operation::Init(_)
        | Operation::Destroy
        | Operation::SetAttributes(_)
        | Operation::MakeLink { .. }
        | Operation::MakeNode { .. }
        | Operation::MakeFolder { .. }
        | Operation::HardLink { .. }
        | Operation::Remove(_)
        | Operation::RemoveFolder(_)
        | Operation::Rename { .. }
        | Operation::Create { .. }
        | Operation::Open(_)
        | Operation::Write { .. }
        | Operation::Sync { .. }
        | Operation::SyncFolder { .. }
        | Operation::Allocate(_)
        | Operation::Copy(_)
        | Operation::SetXattr { .. }
        | Operation::RemoveXattr { .. }
        | Operation::ProbeLock(_)
        | Operation::Lock { .. } => false,
    }
}
