//! Extended attributes: those of users. Everything else is the host's own (capabilities, labels, lists of rights).

use super::Request;
use crate::{
    Errno, Kind, Volume, XattrMode,
    abi::{GetxattrOut, MOST_XATTR},
    nodes::Known,
    ownership::HIDDEN_PREFIX,
    reply::Body,
};

/// Linux's flags of `setxattr`.
const XATTR_CREATE: u32 = 1;
const XATTR_REPLACE: u32 = 2;

impl<V: Volume> Request<'_, V> {
    pub(super) fn get_xattr(&self, name: &[u8], size: u32) -> Result<Body, Errno> {
        if is_hidden(name) {
            return Err(Errno::NODATA);
        }
        must_be_users(name)?;
        sized(&self.volume.xattr(&self.node_with_xattrs()?.node, name)?, size)
    }

    pub(super) fn list_xattrs(&self, size: u32) -> Result<Body, Errno> {
        let known = self.node()?;
        if !matches!(known.kind, Kind::File | Kind::Folder) {
            return sized(&[], size);
        }
        let mut list = Vec::new();
        for name in self.volume.xattrs(&known.node)? {
            if must_be_users(&name).is_ok() && !is_hidden(&name) {
                list.extend_from_slice(&name);
                list.push(0);
            }
        }
        sized(&list, size)
    }

    pub(super) fn set_xattr(&self, name: &[u8], value: &[u8], flags: u32) -> Result<Body, Errno> {
        self.must_be_writable()?;
        if is_hidden(name) {
            return Err(Errno::PERM);
        }
        must_be_users(name)?;
        let mode = match flags {
            0 => XattrMode::Set,
            XATTR_CREATE => XattrMode::Create,
            XATTR_REPLACE => XattrMode::Replace,
            _ => return Err(Errno::INVAL),
        };
        self.volume
            .set_xattr(&self.node_with_xattrs()?.node, name, value, mode)?;
        Ok(Body::empty())
    }

    pub(super) fn remove_xattr(&self, name: &[u8]) -> Result<Body, Errno> {
        self.must_be_writable()?;
        if is_hidden(name) {
            return Err(Errno::PERM);
        }
        must_be_users(name)?;
        self.volume.remove_xattr(&self.node_with_xattrs()?.node, name)?;
        Ok(Body::empty())
    }

    fn node_with_xattrs(&self) -> Result<Known<V::Node>, Errno> {
        let known = self.node()?;
        match known.kind {
            Kind::File | Kind::Folder => Ok(known),
            _ => Err(Errno::PERM),
        }
    }
}

fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(HIDDEN_PREFIX)
}

fn must_be_users(name: &[u8]) -> Result<(), Errno> {
    if name.starts_with(b"user.") {
        Ok(())
    } else {
        Err(Errno::OPNOTSUPP)
    }
}

/// The bytes, or only how many they are when the guest asks with size 0.
fn sized(bytes: &[u8], size: u32) -> Result<Body, Errno> {
    if size == 0 {
        return Ok(Body::of(&GetxattrOut {
            size: bytes.len() as u32,
            padding: 0,
        }));
    }
    if bytes.len() > (size as usize).min(MOST_XATTR) {
        return Err(Errno::RANGE);
    }
    Ok(Body::bytes(bytes))
}
