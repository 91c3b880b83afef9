//! From paths of the host to paths in the machine.
//!
//! Nothing here asks a file system: a path is taken apart as the host would take it, its `..` is carried out on the names
//! as they are written, and what is left must begin with a folder that is shared. Links are not followed; that is up to
//! the file server, which does not leave the share by them. Names that a host would read as something else than a file
//! of that name are refused.

mod bind;
mod host_path;
mod machine;
mod unix;
mod windows;

use host_path::{HostPath, Root};

use super::Refusal;

/// How the host writes paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStyle {
    /// `/home/me`
    Unix,
    /// `C:\Users\me`, and as the tools write it that came from Unix: `/c/Users/me`.
    Windows,
}

/// Whether the host tells upper and lower case apart in names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseRule {
    /// It does.
    Sensitive,
    /// It does not.
    Insensitive,
}

impl CaseRule {
    fn is_same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Sensitive => one == other,
            Self::Insensitive => one == other || one.to_lowercase() == other.to_lowercase(),
        }
    }
}

/// A folder of the host and where it is found in the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFolder {
    /// On the host, from its root: `C:\Users\me`.
    pub host: String,
    /// In the machine, from its root.
    pub guest: String,
}

/// Why there can be no such [`PathMap`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathMapError {
    /// The host has no such folder.
    #[error("{path:?} is no folder's full path on the host")]
    HostFolder {
        /// As it was given.
        path: String,
    },
    /// Such a folder cannot be in the machine.
    #[error("{path:?} is no folder's full path in the machine, without `.`, `..` and colons")]
    GuestFolder {
        /// As it was given.
        path: String,
    },
    /// Of one path nobody could say which share it belongs to.
    #[error("the shares of {one:?} and {other:?} are in each other's way")]
    Overlap {
        /// On the host.
        one: String,
        /// On the host.
        other: String,
    },
}

/// Where the host's folders are found in the machine.
#[derive(Clone, Debug)]
pub struct PathMap {
    style: PathStyle,
    case: CaseRule,
    shares: Vec<Share>,
    /// Folders in shares that the machine does not get to see.
    kept: Vec<HostPath>,
}

#[derive(Clone, Debug)]
struct Share {
    host: HostPath,
    guest: String,
}

impl PathMap {
    /// Makes one of shares, of which none is within another in the machine. On the host that may be.
    pub fn new(
        style: PathStyle,
        case: CaseRule,
        folders: impl IntoIterator<Item = SharedFolder>,
    ) -> Result<Self, PathMapError> {
        let mut shares: Vec<Share> = Vec::new();
        for SharedFolder { host, guest } in folders {
            let Ok(Some(path)) = HostPath::read(style, &host) else {
                return Err(PathMapError::HostFolder { path: host });
            };
            if style == PathStyle::Windows && path.root == Root::Unix {
                return Err(PathMapError::HostFolder { path: host });
            }
            if !is_guest_folder(&guest) {
                return Err(PathMapError::GuestFolder { path: guest });
            }
            let in_the_way = |share: &&Share| {
                is_within(&guest, &share.guest)
                    || is_within(&share.guest, &guest)
                    || path.below(&share.host, case).is_some_and(<[_]>::is_empty)
            };
            if let Some(share) = shares.iter().find(in_the_way) {
                return Err(PathMapError::Overlap {
                    one: share.host.to_string(),
                    other: path.to_string(),
                });
            }
            shares.push(Share { host: path, guest });
        }
        Ok(Self {
            style,
            case,
            shares,
            kept: Vec::new(),
        })
    }

    /// Knows a share by another path of the host too, such as one that leads there by links. Does nothing when no share has
    /// that folder of the machine, or another one has that path.
    pub fn also_known_as(&mut self, guest: &str, host: &str) {
        let Ok(Some(path)) = HostPath::read(self.style, host) else {
            return;
        };
        let is_same = |share: &Share| path.below(&share.host, self.case).is_some_and(<[_]>::is_empty);
        if !self.shares.iter().any(is_same) && self.shares.iter().any(|share| share.guest == guest) {
            let guest = guest.to_owned();
            self.shares.push(Share { host: path, guest });
        }
    }

    /// Refuses what is in this folder of the host, or is this file, unless it is shared itself or something nearer is.
    pub fn keep_from_machine(&mut self, host: &str) {
        if let Ok(Some(path)) = HostPath::read(self.style, host) {
            self.kept.push(path);
        }
    }

    /// Where a path of the host is found in the machine. `None`: it is no full path at all, such as a volume's name.
    pub fn guest_path(&self, path: &str) -> Result<Option<String>, Refusal> {
        let host = match HostPath::read(self.style, path) {
            Ok(Some(host)) => host,
            Ok(None) => return Ok(None),
            Err(why) => {
                return Err(Refusal {
                    message: format!("cannot mount {path}: {why}"),
                });
            }
        };
        let below = self.shares.iter().filter_map(|share| {
            let rest = host.below(&share.host, self.case)?;
            Some((rest, share))
        });
        let nearest = below.min_by_key(|(rest, _)| rest.len());
        let kept = self.kept.iter().filter_map(|kept| host.below(kept, self.case));
        if let Some(depth) = kept.map(<[_]>::len).min()
            && nearest.is_none_or(|(rest, _)| depth < rest.len())
        {
            return Err(Refusal {
                message: format!(
                    "cannot mount {path}: it is kept from the machine; share it on purpose with: pinnace share add {}",
                    host.quoted()
                ),
            });
        }
        if let Some(place) = machine::place(self.style, &host)
            && nearest.is_none_or(|(rest, _)| place.len() < rest.len())
        {
            return Ok(Some(joined("/", &host.names)));
        }
        match nearest {
            Some((rest, share)) => Ok(Some(joined(&share.guest, rest))),
            None => Err(Refusal {
                message: format!(
                    "cannot mount {path}: it is in no folder that is shared with the machine; share it with: \
                     pinnace share add {}",
                    host.quoted()
                ),
            }),
        }
    }
}

fn is_guest_folder(path: &str) -> bool {
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains([':', '\0']);
    path.strip_prefix('/')
        .is_some_and(|names| names.split('/').all(is_name))
}

/// Whether a path of the machine is a folder or in it.
fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn joined(folder: &str, names: &[String]) -> String {
    let mut path = folder.to_owned();
    for name in names {
        if !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(name);
    }
    path
}

#[cfg(test)]
mod tests;
