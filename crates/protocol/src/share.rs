//! Folders of the host in the machine.

use serde::{Deserialize, Serialize};

/// A folder of the host that is to be mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareSpec {
    /// Chosen by the host: 1 to 64 of `a` to `z`, `0` to `9` and `-`.
    pub id: String,
    /// Where it should be in the machine: the folder's own path on the host, so that a path means the same on both sides.
    /// The guest mounts it elsewhere when that place is taken by the machine itself.
    pub path: String,
    /// Whether the mount is read-only.
    pub read_only: bool,
}

/// A share that is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountedShare {
    /// As in [`ShareSpec::id`].
    pub id: String,
    /// Where containers find it, in the machine.
    pub path: String,
}
