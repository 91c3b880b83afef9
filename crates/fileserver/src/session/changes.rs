//! Requests that make, move and remove names.

use super::Request;
use crate::{
    Errno, Found, Kind, Name, OpenMode, RenameMode, Volume,
    abi::{self, CreateIn, OpenOut},
    handles::Handle,
    nodes::Known,
    ownership::{self, Ownership},
    reply::Body,
};

/// Linux's flags of `renameat2`.
const RENAME_NOREPLACE: u32 = 1;
const RENAME_EXCHANGE: u32 = 2;

impl<V: Volume> Request<'_, V> {
    pub(super) fn create(&self, name: &Name, input: &CreateIn) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let folder = self.folder()?;
        self.may_make(&folder, name, Kind::File, false)?;
        let mode = super::files::open_mode(input.flags)?;
        let permissions = ownership::host_permissions(Kind::File, input.mode);
        let (found, file) =
            match self.making(name, || self.volume.create(&folder.node, name, mode, permissions)) {
                Ok((found, file)) => (self.give(&folder, found, input.mode)?, file),
                // Made on the host since the guest looked.
                Err(Errno::EXIST) if input.flags & abi::open::EXCLUSIVE == 0 => {
                    let found = self.find(&folder, name)?;
                    super::files::must_be_file(found.metadata.kind)?;
                    let file = self.volume.open(&found.node, mode)?;
                    (found, file)
                }
                Err(errno) => return Err(errno),
            };
        // The handle first: it is easier taken back than a lookup.
        let fh = self.tables.handles.insert(Handle::File(file))?;
        let entry = self
            .enter(self.header.nodeid, name, found)
            .inspect_err(|_| self.tables.handles.remove(fh))?;
        let mut body = Body::of(&entry);
        body.push(&OpenOut {
            fh,
            open_flags: self.open_flags(),
            padding: 0,
        });
        Ok(body)
    }

    pub(super) fn make_folder(&self, name: &Name, mode: u32) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let folder = self.folder()?;
        self.may_make(&folder, name, Kind::Folder, false)?;
        let permissions = ownership::host_permissions(Kind::Folder, mode);
        let found = self.making(name, || self.volume.make_folder(&folder.node, name, permissions))?;
        let found = self.give(&folder, found, mode)?;
        Ok(Body::of(&self.enter(self.header.nodeid, name, found)?))
    }

    pub(super) fn make_link(&self, name: &Name, target: &[u8]) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let folder = self.folder()?;
        self.may_make(&folder, name, Kind::Link, false)?;
        let found = self.making(name, || self.volume.make_link(&folder.node, name, target))?;
        Ok(Body::of(&self.enter(self.header.nodeid, name, found)?))
    }

    pub(super) fn make_node(&self, name: &Name, mode: u32) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let folder = self.folder()?;
        let kind = Kind::from_mode(mode);
        self.may_make(&folder, name, kind.unwrap_or(Kind::File), false)?;
        let found = match kind {
            Some(Kind::File) => {
                let permissions = ownership::host_permissions(Kind::File, mode);
                let opened = OpenMode {
                    write: true,
                    ..OpenMode::default()
                };
                let (found, _) = self.making(name, || {
                    self.volume.create(&folder.node, name, opened, permissions)
                })?;
                self.give(&folder, found, mode)?
            }
            Some(kind @ (Kind::Pipe | Kind::Socket)) => self.making(name, || {
                self.volume.make_special(&folder.node, name, kind, mode & 0o777)
            })?,
            // A device of the host is nothing for a guest to make.
            Some(Kind::CharacterDevice | Kind::BlockDevice) => return Err(Errno::PERM),
            Some(Kind::Folder | Kind::Link) | None => return Err(Errno::INVAL),
        };
        Ok(Body::of(&self.enter(self.header.nodeid, name, found)?))
    }

    pub(super) fn hard_link(&self, node: u64, name: &Name) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let folder = self.folder()?;
        let known = self.tables.nodes.get(node)?;
        if known.kind == Kind::Folder {
            return Err(Errno::PERM);
        }
        self.may_make(&folder, name, known.kind, true)?;
        self.making(name, || self.volume.hard_link(&known.node, &folder.node, name))?;
        let found = self.find(&folder, name)?;
        Ok(Body::of(&self.enter(self.header.nodeid, name, found)?))
    }

    pub(super) fn remove(&self, name: &Name) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let folder = self.folder()?;
        self.may_take(&folder, name)?;
        self.volume.remove(&folder.node, name)?;
        self.tables.nodes.note_removed(self.header.nodeid, name);
        Ok(Body::empty())
    }

    pub(super) fn remove_folder(&self, name: &Name) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let folder = self.folder()?;
        self.may_take(&folder, name)?;
        self.volume.remove_folder(&folder.node, name)?;
        self.tables.nodes.note_removed(self.header.nodeid, name);
        Ok(Body::empty())
    }

    pub(super) fn rename(
        &self,
        name: &Name,
        new_folder: u64,
        new_name: &Name,
        flags: u32,
    ) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let mode = match flags {
            0 => RenameMode::Replace,
            RENAME_NOREPLACE => RenameMode::NoReplace,
            RENAME_EXCHANGE => RenameMode::Exchange,
            _ => return Err(Errno::INVAL),
        };
        let from = self.folder()?;
        let to = self.folder_of(new_folder)?;
        self.may_take(&from, name)?;
        // What is moved may be anything, and with an exchange something comes back: both places must be open.
        self.may_make(&to, new_name, Kind::Folder, true)?;
        self.volume
            .rename((&from.node, name), (&to.node, new_name), mode)?;
        let exchanged = mode == RenameMode::Exchange;
        self.tables
            .nodes
            .note_moved((self.header.nodeid, name), (new_folder, new_name), exchanged);
        Ok(Body::empty())
    }

    /// Makes a name that the guest may know to be absent. The watch must not find that out before the guest is answered,
    /// and take the new name back.
    fn making<T>(&self, name: &Name, make: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
        let nodes = &self.tables.nodes;
        let was_absent = nodes.take_absent(self.header.nodeid, name);
        make().inspect_err(|_| {
            if was_absent {
                nodes.note_absent(self.header.nodeid, name);
            }
        })
    }

    /// Makes the asker the owner of what was just made, with the group where its folder says so.
    fn give(
        &self,
        folder: &Known<V::Node>,
        mut found: Found<V::Node>,
        mode: u32,
    ) -> Result<Found<V::Node>, Errno> {
        let owner = self.options.owner;
        let parent = self.volume.metadata(&folder.node)?;
        let parent = Ownership::of(self.volume, &folder.node, &parent, owner);
        let inherits = parent.permissions & ownership::SET_GROUP_ID != 0;
        let inherited = if inherits && found.metadata.kind == Kind::Folder {
            ownership::SET_GROUP_ID
        } else {
            0
        };
        let ownership = Ownership {
            uid: self.header.uid,
            gid: if inherits { parent.gid } else { self.header.gid },
            permissions: mode & 0o7777 | inherited,
        };
        if ownership != Ownership::of(self.volume, &found.node, &found.metadata, owner) {
            ownership.establish(self.volume, &found.node, &found.metadata, owner);
            found.metadata = self.volume.metadata(&found.node)?;
        }
        Ok(found)
    }
}
