//! What changed, as the watch tells it and as the guest is told.

use crate::Name;

/// What the watch heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    /// Names from the share's folder on.
    pub path: Vec<Name>,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// None: the host does not tell whether it is a folder.
    Created { is_folder: Option<bool> },
    /// Bytes were written, or somebody who could write closed the file.
    Written,
    /// Permissions, owner, times.
    Attributes,
    /// None: the host does not tell whether it was a folder.
    Removed { is_folder: Option<bool> },
    /// Renamed away. Both halves of a rename have the same mark, where the host gives any.
    MovedFrom { mark: Option<usize> },
    /// Renamed to this name.
    MovedTo { mark: Option<usize> },
}

/// A name in a folder that the guest knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub folder: u64,
    pub name: Name,
}

/// A change at a place that somebody in the guest may watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub change: Change,
    pub place: Place,
    /// What the guest knows by that name, before it is told of the change.
    pub node: Option<u64>,
}

/// What the guest is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    pub place: Place,
    /// The node that the name led to before.
    pub former: Option<u64>,
    pub action: Action,
}

/// Which of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Created {
        is_folder: bool,
    },
    Modified,
    Attributes,
    Removed {
        is_folder: bool,
    },
    Renamed {
        to: Place,
        /// What was there before.
        replaced: Option<u64>,
        is_folder: bool,
    },
}

impl Replay {
    /// What tells a watcher at least that something is there, when this cannot be replayed.
    pub fn fallback(&self) -> Option<Self> {
        let place = match &self.action {
            Action::Created { .. } => self.place.clone(),
            Action::Renamed { to, .. } => to.clone(),
            Action::Modified => self.place.clone(),
            Action::Attributes | Action::Removed { .. } => return None,
        };
        Some(Self {
            place,
            former: None,
            action: Action::Attributes,
        })
    }
}
