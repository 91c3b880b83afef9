//! How a folder is offered.

use std::time::Duration;

use crate::Name;

/// Whether the guest may change what is in a share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Every change is refused with `EROFS`.
    #[default]
    ReadOnly,
    /// The guest has the rights that the host user has in the folder.
    ReadWrite,
}

/// Who the guest sees as the owner of what has no owner of its own stored beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The guest's user id; 0 is root.
    pub uid: u32,
    /// The guest's group id.
    pub gid: u32,
}

/// How long the guest's kernel may believe what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTimes {
    /// That a name leads to this file.
    pub entry: Duration,
    /// A file's attributes.
    pub attributes: Duration,
    /// That there is no file of this name. Zero: not at all.
    pub negative: Duration,
    /// Whether the pages of a file outlive its last close.
    pub keep_pages: bool,
}

impl CacheTimes {
    /// For a share that a [`Watch`](crate::Watch) looks after: what changes is taken back, so an hour is as good as ever.
    pub const WATCHED: Self = Self {
        entry: Duration::from_secs(3600),
        attributes: Duration::from_secs(3600),
        negative: Duration::from_secs(3600),
        keep_pages: true,
    };

    /// For a share that nobody watches: a change on the host is seen after a second.
    pub const UNWATCHED: Self = Self {
        entry: Duration::from_secs(1),
        attributes: Duration::from_secs(1),
        negative: Duration::ZERO,
        keep_pages: false,
    };
}

/// How a share is served.
#[derive(Clone, Debug)]
pub struct ShareOptions {
    /// Read-only unless it says otherwise.
    pub access: Access,
    /// Root by default: then what root in a container makes needs no owner stored beside it.
    pub owner: Owner,
    /// Requests worked on at once, each on a thread and with at most 1 MiB in and 1 MiB out. At least 1.
    pub requests_at_once: usize,
    /// Bytes of attributes and pages that the guest may cache; see [`CacheTimes`]. [`CacheTimes::UNWATCHED`] by default.
    pub cache: CacheTimes,
    /// Places that the guest does not get to see: paths below the share's folder, each of at least one name. For the guest
    /// nothing is there, and nothing can be made or moved there. Links are not followed on the way: who hides a place that
    /// is reached through a link inside the share names the place behind it too.
    pub hidden: Vec<Vec<Name>>,
}

impl Default for ShareOptions {
    fn default() -> Self {
        Self {
            access: Access::ReadOnly,
            owner: Owner::default(),
            requests_at_once: 32,
            cache: CacheTimes::UNWATCHED,
            hidden: Vec::new(),
        }
    }
}
