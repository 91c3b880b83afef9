//! Who owns a file as the guest sees it, and its mode.
//!
//! On the host every file belongs to the host user, whatever the guest says: the server never changes an owner there,
//! and never sets set-user-id or set-group-id, which would give the host's other users what belongs to this one. What
//! the guest set is stored beside the file, in an extended attribute that the guest can neither see nor write:
//!
//! ```text
//!   user.pinnace.stat = "1 <uid> <gid> <mode, octal> <host's permissions at that time, octal>"
//! ```
//!
//! When the host's permissions are no longer those that were recorded, somebody on the host changed them, and they win.
//! A file that is just as an ordinary one of the share has no such attribute. Links, pipes and sockets cannot have one;
//! who owns them decides nothing, so a change of their owner is accepted and not kept.

use crate::{Errno, Kind, Metadata, Owner, Volume, XattrMode};

/// Where it is stored.
pub const XATTR: &[u8] = b"user.pinnace.stat";
/// What the guest never sees.
pub const HIDDEN_PREFIX: &[u8] = b"user.pinnace.";

pub const SET_USER_ID: u32 = 0o4000;
pub const SET_GROUP_ID: u32 = 0o2000;
const GROUP_EXECUTE: u32 = 0o010;
/// All permission bits.
const ALL_BITS: u32 = 0o7777;

/// What the guest sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    pub uid: u32,
    pub gid: u32,
    /// Permission bits, without the kind.
    pub permissions: u32,
}

/// What the guest wants to be different.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub permissions: Option<u32>,
    /// Take set-user-id away, and set-group-id where it means what it says.
    pub kill_privileges: bool,
}

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stored {
    ownership: Ownership,
    host_permissions: u32,
}

impl Ownership {
    /// Reads it.
    pub fn of<V: Volume>(volume: &V, node: &V::Node, metadata: &Metadata, owner: Owner) -> Self {
        let stored = can_store(metadata.kind)
            .then(|| volume.xattr(node, XATTR).ok())
            .flatten()
            .and_then(|value| Stored::parse(&value));
        Self::seen(metadata, stored, owner)
    }

    fn seen(metadata: &Metadata, stored: Option<Stored>, owner: Owner) -> Self {
        let permissions = metadata.permissions & !(SET_USER_ID | SET_GROUP_ID);
        match stored {
            None => Self {
                uid: owner.uid,
                gid: owner.gid,
                permissions,
            },
            Some(stored) if stored.host_permissions == metadata.permissions => stored.ownership,
            Some(stored) => Self {
                permissions,
                ..stored.ownership
            },
        }
    }

    /// Changes it.
    pub fn change<V: Volume>(
        volume: &V,
        node: &V::Node,
        metadata: &Metadata,
        owner: Owner,
        change: Change,
    ) -> Result<(), Errno> {
        let old = Self::of(volume, node, metadata, owner);
        let mut new = Self {
            uid: change.uid.unwrap_or(old.uid),
            gid: change.gid.unwrap_or(old.gid),
            permissions: change.permissions.unwrap_or(old.permissions) & ALL_BITS,
        };
        if change.kill_privileges {
            new.permissions = new.without_privileges();
        }
        if !can_store(metadata.kind) {
            return match change.permissions {
                Some(_) if metadata.kind == Kind::Link => Err(Errno::OPNOTSUPP),
                Some(permissions) => volume.set_permissions(node, permissions & 0o777),
                None => Ok(()),
            };
        }
        if new == old {
            return Ok(());
        }
        new.store(volume, node, metadata, owner)
    }

    /// Gives what was just made to its maker.
    pub fn establish<V: Volume>(self, volume: &V, node: &V::Node, metadata: &Metadata, owner: Owner) {
        if !can_store(metadata.kind) {
            return;
        }
        if let Err(errno) = self.store(volume, node, metadata, owner) {
            // The file is there and the maker can use it as everybody can; better than none.
            tracing::debug!(%errno, "failed to store the owner of a new file");
        }
    }

    fn store<V: Volume>(
        self,
        volume: &V,
        node: &V::Node,
        metadata: &Metadata,
        owner: Owner,
    ) -> Result<(), Errno> {
        let host_permissions = host_permissions(metadata.kind, self.permissions);
        let plain = Self {
            uid: owner.uid,
            gid: owner.gid,
            permissions: host_permissions,
        };
        if self == plain {
            match volume.remove_xattr(node, XATTR) {
                Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
                Err(errno) => return Err(errno),
            }
        } else {
            let value = Stored {
                ownership: self,
                host_permissions,
            }
            .to_text();
            match volume.set_xattr(node, XATTR, value.as_bytes(), XattrMode::Set) {
                Ok(()) => {}
                Err(Errno::ACCES) => {
                    // The host wants a file to be writable for this. It is the user's own, so it can be for a moment.
                    volume.set_permissions(node, metadata.permissions | 0o600)?;
                    let result = volume.set_xattr(node, XATTR, value.as_bytes(), XattrMode::Set);
                    volume.set_permissions(node, host_permissions)?;
                    return result;
                }
                // Linux's answer of a file system without owners.
                Err(Errno::OPNOTSUPP) => return Err(Errno::PERM),
                Err(errno) => return Err(errno),
            }
        }
        if host_permissions != metadata.permissions {
            volume.set_permissions(node, host_permissions)?;
        }
        Ok(())
    }

    /// The permissions after somebody without the right to keep them wrote or took the file.
    fn without_privileges(self) -> u32 {
        let group = if self.permissions & GROUP_EXECUTE != 0 {
            SET_GROUP_ID
        } else {
            0
        };
        self.permissions & !(SET_USER_ID | group)
    }
}

/// The bits that a file gets on the host: those of the guest, but the host user can always read it, so that root in the
/// guest can, and look into folders.
pub fn host_permissions(kind: Kind, permissions: u32) -> u32 {
    match kind {
        Kind::Folder => permissions & 0o1777 | 0o700,
        _ => permissions & 0o777 | 0o400,
    }
}

/// Linux has user attributes on files and folders only.
fn can_store(kind: Kind) -> bool {
    matches!(kind, Kind::File | Kind::Folder)
}

impl Stored {
    fn to_text(self) -> String {
        let Ownership {
            uid,
            gid,
            permissions,
        } = self.ownership;
        format!("1 {uid} {gid} {permissions:o} {:o}", self.host_permissions)
    }

    /// Anything that it would not have written is as good as nothing: the file may come from elsewhere.
    fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let mut words = text.strip_prefix("1 ")?.split(' ');
        let uid = words.next()?.parse().ok()?;
        let gid = words.next()?.parse().ok()?;
        let permissions = u32::from_str_radix(words.next()?, 8).ok()?;
        let host_permissions = u32::from_str_radix(words.next()?, 8).ok()?;
        let complete = words.next().is_none() && permissions <= ALL_BITS;
        complete.then_some(Self {
            ownership: Ownership {
                uid,
                gid,
                permissions,
            },
            host_permissions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeKey, Time};

    const OWNER: Owner = Owner { uid: 10, gid: 20 };

    fn file(permissions: u32) -> Metadata {
        Metadata {
            key: NodeKey { device: 1, inode: 2 },
            kind: Kind::File,
            permissions,
            size: 0,
            blocks: 0,
            block_size: 4096,
            links: 1,
            accessed: Time::default(),
            modified: Time::default(),
            changed: Time::default(),
        }
    }

    #[test]
    fn seen_ordinary_file_belongs_to_the_shares_owner_without_privileges() {
        let seen = Ownership::seen(&file(0o6755), None, OWNER);
        assert_eq!(
            seen,
            Ownership {
                uid: 10,
                gid: 20,
                permissions: 0o755
            }
        );
    }

    #[test]
    fn seen_stored_mode_counts_until_the_host_changes_it() {
        let ownership = Ownership {
            uid: 70,
            gid: 71,
            permissions: 0o4700,
        };
        let stored = Some(Stored {
            ownership,
            host_permissions: 0o700,
        });
        assert_eq!(Ownership::seen(&file(0o700), stored, OWNER), ownership);
        let changed = Ownership {
            permissions: 0o644,
            ..ownership
        };
        assert_eq!(Ownership::seen(&file(0o644), stored, OWNER), changed);
    }

    #[test]
    fn parse_reads_what_was_written_and_nothing_else() {
        let ownership = Ownership {
            uid: u32::MAX,
            gid: 0,
            permissions: 0o7777,
        };
        let stored = Stored {
            ownership,
            host_permissions: 0o644,
        };
        assert_eq!(Stored::parse(stored.to_text().as_bytes()), Some(stored));
        for text in [
            "",
            "1",
            "2 0 0 644 644",
            "1 0 0 644",
            "1 0 0 644 644 0",
            "1 -1 0 644 644",
            "1 0 0 17777 644",
            "1 0 0 9 1",
        ] {
            assert_eq!(Stored::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Stored::parse(b"1 \xff"), None);
    }

    #[test]
    fn host_permissions_never_hold_privileges_and_always_let_the_user_in() {
        assert_eq!(host_permissions(Kind::File, 0o6000), 0o400);
        assert_eq!(host_permissions(Kind::File, 0o444), 0o444);
        assert_eq!(host_permissions(Kind::Folder, 0o7000), 0o1700);
    }

    #[test]
    fn without_privileges_keeps_the_group_bit_that_means_locking() {
        let with = |permissions| {
            Ownership {
                uid: 0,
                gid: 0,
                permissions,
            }
            .without_privileges()
        };
        assert_eq!(with(0o6755), 0o755);
        assert_eq!(with(0o6644), 0o2644);
    }
}
