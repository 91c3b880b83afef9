//! Names in folders, with what is hidden left out. Whoever in a session looks a name up does it here.

use super::Request;
use crate::{
    Errno, Found, Kind, Name, NodeKey, Volume, abi::ROOT_ID, hidden::Hidden, hidden::Place, nodes::Known,
};

impl<V: Volume> Request<'_, V> {
    /// Looks one name up. `ENOENT` for what is hidden.
    pub(super) fn find(&self, folder: &Known<V::Node>, name: &Name) -> Result<Found<V::Node>, Errno> {
        let root = self.tables.nodes.get(ROOT_ID)?;
        find(self.volume, self.hidden, &root, (&folder.node, folder.key), name)
    }

    /// Whether an entry of a folder is left out of its listing.
    pub(super) fn is_hidden(&self, folder: NodeKey, name: &[u8], inode: u64) -> bool {
        let is_hidden = || {
            let root = self.tables.nodes.get(ROOT_ID)?;
            let key = NodeKey {
                device: folder.device,
                inode,
            };
            let place = self.hidden.place(self.volume, &root, folder, name)?;
            Ok::<_, Errno>(
                place == Place::Hidden || self.hidden.is_alias(self.volume, &root, folder, name, key)?,
            )
        };
        // What cannot be told is left out.
        is_hidden().unwrap_or(true)
    }

    /// `EACCES` where this must not be made, or be moved to.
    pub(super) fn may_make(
        &self,
        folder: &Known<V::Node>,
        name: &Name,
        kind: Kind,
        moved: bool,
    ) -> Result<(), Errno> {
        match self.place(folder, name)? {
            Place::Open => Ok(()),
            // An empty folder leads nowhere. A link would lead elsewhere, and what was moved here may be known already.
            Place::OnTheWay if kind == Kind::Folder && !moved => Ok(()),
            Place::OnTheWay | Place::Hidden => Err(Errno::ACCES),
        }
    }

    /// `EACCES` for what must stay where it is, `ENOENT` for what is hidden.
    pub(super) fn may_take(&self, folder: &Known<V::Node>, name: &Name) -> Result<(), Errno> {
        match self.place(folder, name)? {
            Place::Open => Ok(()),
            Place::OnTheWay => Err(Errno::ACCES),
            Place::Hidden => Err(Errno::NOENT),
        }
    }

    fn place(&self, folder: &Known<V::Node>, name: &Name) -> Result<Place, Errno> {
        let root = self.tables.nodes.get(ROOT_ID)?;
        self.hidden
            .true_place(self.volume, &root, (&folder.node, folder.key), name)
    }
}

/// Looks one name up. `ENOENT` for what is hidden.
pub(super) fn find<V: Volume>(
    volume: &V,
    hidden: &Hidden,
    root: &Known<V::Node>,
    (folder, key): (&V::Node, NodeKey),
    name: &Name,
) -> Result<Found<V::Node>, Errno> {
    if hidden.place(volume, root, key, name.as_bytes())? == Place::Hidden {
        return Err(Errno::NOENT);
    }
    let found = volume.find(folder, name)?;
    if hidden.is_alias(volume, root, key, name.as_bytes(), found.metadata.key)? {
        return Err(Errno::NOENT);
    }
    Ok(found)
}
