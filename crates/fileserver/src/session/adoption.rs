//! Nodes of an earlier server that the kernel still uses.
//!
//! A container's bind mount starts at a node, and no name is ever looked up again on the way to it. When the server is
//! another one, the guest says where such a node was.
//!
//! ```text
//!   INIT (the kernel's own, repeated) ──► ADOPT 0x1f3a.. "src" NUL "app" ──► requests about 0x1f3a..
//! ```

use super::{Session, places};
use crate::{Errno, Found, Kind, Name, Volume, abi::ROOT_ID};

/// More names than this lead to nothing that a container is given.
const MOST_NAMES: usize = 256;

impl<V: Volume> Session<V> {
    /// Takes over a node that is found by these names, never by way of a link. A node that is not there any more, is a link
    /// or is hidden stays unknown, and requests about it are answered with `ESTALE`.
    pub fn adopt(&self, id: u64, names: &[Name]) -> Result<(), Errno> {
        if names.len() > MOST_NAMES {
            return Err(Errno::NAMETOOLONG);
        }
        let tables = self.tables();
        let root = tables.nodes.get(ROOT_ID)?;
        let mut trail: Vec<(Name, Found<V::Node>)> = Vec::with_capacity(names.len());
        for name in names {
            let folder = match trail.last() {
                None => (&*root.node, root.key),
                Some((_, found)) if found.metadata.kind == Kind::Folder => (&found.node, found.metadata.key),
                Some(_) => return Err(Errno::NOTDIR),
            };
            let found = places::find(&self.volume, &self.hidden, &root, folder, name)?;
            trail.push((name.clone(), found));
        }
        let Some((name, last)) = trail.pop() else {
            // The share's own folder has had its number since INIT.
            return if id == ROOT_ID { Ok(()) } else { Err(Errno::INVAL) };
        };
        if last.metadata.kind == Kind::Link {
            return Err(Errno::LOOP);
        }
        tables.nodes.adopt(id, trail, (name, last))
    }
}
