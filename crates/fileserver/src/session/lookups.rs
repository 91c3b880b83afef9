//! From names to nodes.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Request;
use crate::{
    CacheTimes, Errno, Found, Kind, Metadata, Name, NodeKey, Volume,
    abi::{Attr, AttrOut, EntryOut},
    ownership::Ownership,
    reply::{self, Body},
};

/// How long the host's watcher may take to notice a new folder, in seconds. What the clock says of the future is fresh.
const FRESH_S: i64 = 3;

impl<V: Volume> Request<'_, V> {
    pub(super) fn lookup(&self, name: &Name) -> Result<Body, Errno> {
        let folder = self.folder()?;
        // Noted before it is looked for: a name that comes to be meanwhile is then among those to be taken back.
        let negative = !self.cache.negative.is_zero()
            && self.volume.is_case_sensitive()
            && !self.is_hidden(folder.key, name.as_bytes(), 0)
            && !is_fresh(&self.volume.metadata(&folder.node)?)
            && self.tables.nodes.note_absent(self.header.nodeid, name);
        match self.find(&folder, name) {
            Ok(found) => Ok(Body::of(&self.enter(self.header.nodeid, name, found)?)),
            Err(Errno::NOENT) if negative => {
                let (entry_valid, entry_valid_nsec) = reply::valid(self.cache.negative);
                Ok(Body::of(&EntryOut {
                    entry_valid,
                    entry_valid_nsec,
                    ..EntryOut::default()
                }))
            }
            Err(errno) => Err(errno),
        }
    }

    pub(super) fn read_link(&self) -> Result<Body, Errno> {
        let known = self.node()?;
        if known.kind != Kind::Link {
            return Err(Errno::INVAL);
        }
        Ok(Body::bytes(&self.volume.read_link(&known.node)?))
    }

    /// Makes a node known to the guest.
    pub(super) fn enter(&self, folder: u64, name: &Name, found: Found<V::Node>) -> Result<EntryOut, Errno> {
        let attr = self.attributes(&found.node, &found.metadata);
        let cache = self.cache_of(&found.metadata);
        let nodeid = self.tables.nodes.remember(folder, name, found)?;
        let (entry_valid, entry_valid_nsec) = reply::valid(cache.entry);
        let (attr_valid, attr_valid_nsec) = reply::valid(cache.attributes);
        Ok(EntryOut {
            nodeid,
            generation: 0,
            entry_valid,
            attr_valid,
            entry_valid_nsec,
            attr_valid_nsec,
            attr,
        })
    }

    pub(super) fn attributes_body(&self, node: &V::Node) -> Result<Body, Errno> {
        let metadata = self.volume.metadata(node)?;
        let (attr_valid, attr_valid_nsec) = reply::valid(self.cache_of(&metadata).attributes);
        Ok(Body::of(&AttrOut {
            attr_valid,
            attr_valid_nsec,
            dummy: 0,
            attr: self.attributes(node, &metadata),
        }))
    }

    /// For how long this may be believed.
    fn cache_of(&self, metadata: &Metadata) -> CacheTimes {
        let cache = self.cache;
        if !is_fresh(metadata) {
            return cache;
        }
        let brief = CacheTimes::UNWATCHED;
        CacheTimes {
            entry: cache.entry.min(brief.entry),
            attributes: cache.attributes.min(brief.attributes),
            ..cache
        }
    }

    pub(super) fn attributes(&self, node: &V::Node, metadata: &Metadata) -> Attr {
        let ownership = Ownership::of(self.volume, node, metadata, self.options.owner);
        Attr {
            ino: self.shown_inode(metadata.key),
            size: metadata.size,
            blocks: metadata.blocks,
            // Two's complement: the kernel reads them as signed.
            atime: metadata.accessed.seconds as u64,
            mtime: metadata.modified.seconds as u64,
            ctime: metadata.changed.seconds as u64,
            atimensec: metadata.accessed.nanoseconds,
            mtimensec: metadata.modified.nanoseconds,
            ctimensec: metadata.changed.nanoseconds,
            mode: metadata.kind.mode() | ownership.permissions,
            nlink: metadata.links,
            uid: ownership.uid,
            gid: ownership.gid,
            // No device of the host is one of the guest.
            rdev: 0,
            blksize: metadata.block_size,
            flags: 0,
        }
    }

    /// The inode number that the guest sees. File systems mounted below the share have numbers of their own; they are
    /// moved away from the share's, because the guest sees one file system.
    pub(super) fn shown_inode(&self, key: NodeKey) -> u64 {
        let root = self
            .tables
            .nodes
            .get(crate::abi::ROOT_ID)
            .map(|root| root.key.device);
        match root {
            Ok(device) if device == key.device => key.inode,
            _ => key.inode ^ key.device.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }
}

/// Whether it changed a moment ago. It may be in a folder that is so new that nobody watches it yet, so that its next
/// change would not be heard of.
fn is_fresh(metadata: &Metadata) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let age_s = i64::try_from(now)
        .unwrap_or(i64::MAX)
        .saturating_sub(metadata.changed.seconds);
    age_s < FRESH_S
}
