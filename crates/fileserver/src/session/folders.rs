//! Listings.

use std::sync::{Mutex, PoisonError};

use super::Request;
use crate::{
    DirectoryEntry, Errno, Kind, Name, NodeKey, Volume,
    abi::{Dirent, EntryOut, OpenOut, ReadIn, ReleaseIn},
    handles::Handle,
    nodes::Known,
    reply::Body,
};

impl<V: Volume> Request<'_, V> {
    pub(super) fn open_folder(&self) -> Result<Body, Errno> {
        let folder = self.folder()?;
        let listing = self.volume.open_folder(&folder.node)?;
        let fh = self.tables.handles.insert(Handle::Folder(Mutex::new(listing)))?;
        Ok(Body::of(&OpenOut {
            fh,
            ..OpenOut::default()
        }))
    }

    /// Entries behind the offset, as many as fit; each with its attributes when `plus`.
    pub(super) fn read_folder(&self, input: &ReadIn, plus: bool) -> Result<Body, Errno> {
        let folder = self.folder()?;
        let handle = self.tables.handles.get(input.fh)?;
        let Handle::Folder(listing) = &*handle else {
            return Err(Errno::NOTDIR);
        };
        let mut listing = listing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut body = Body::empty();
        let mut full = false;
        self.volume.list(&mut listing, input.offset, &mut |entry| {
            if self.is_hidden(folder.key, entry.name, entry.inode) {
                return true;
            }
            let length =
                size_of::<Dirent>() + entry.name.len() + if plus { size_of::<EntryOut>() } else { 0 };
            full = body.len() + length.next_multiple_of(8) > input.size as usize;
            if !full {
                self.push_entry(&folder, &entry, plus, &mut body);
            }
            !full
        })?;
        if full && body.len() == 0 {
            // An empty answer would say that the folder ends here.
            return Err(Errno::INVAL);
        }
        Ok(body)
    }

    fn push_entry(&self, folder: &Known<V::Node>, entry: &DirectoryEntry<'_>, plus: bool, body: &mut Body) {
        let is_dots = matches!(entry.name, b"." | b"..");
        let mut kind = entry.kind.map_or(0, Kind::entry_type);
        let mut ino = self.shown_inode(NodeKey {
            device: folder.key.device,
            inode: entry.inode,
        });
        if entry.name == b".." {
            // Who asks at the share's own folder is told nothing of the folder above.
            ino = self.shown_inode(folder.key);
        }
        if plus {
            let mut known = EntryOut::default();
            // What cannot be looked up now is listed without: the guest's kernel then asks for itself.
            if !is_dots
                && let Ok(name) = Name::new(entry.name)
                && let Ok(found) = self.find(folder, &name)
            {
                kind = found.metadata.kind.entry_type();
                if let Ok(entered) = self.enter(self.header.nodeid, &name, found) {
                    ino = entered.attr.ino;
                    known = entered;
                }
            }
            body.push(&known);
        }
        body.push(&Dirent {
            ino,
            off: entry.next,
            namelen: entry.name.len() as u32,
            kind,
        });
        body.push_bytes(entry.name);
        body.pad();
    }

    pub(super) fn release_folder(&self, input: &ReleaseIn) -> Result<Body, Errno> {
        self.tables.handles.remove(input.fh);
        Ok(Body::empty())
    }

    pub(super) fn sync_folder(&self, handle: u64) -> Result<Body, Errno> {
        match &*self.tables.handles.get(handle)? {
            Handle::Folder(listing) => {
                self.volume
                    .sync_folder(&listing.lock().unwrap_or_else(PoisonError::into_inner))?;
                Ok(Body::empty())
            }
            Handle::File(_) => Err(Errno::NOTDIR),
        }
    }
}
