//! One share in the table.

use api::{Share, ShareOrigin, ShareState};
use protocol::ShareSpec;

use super::{
    input::{News, Reply},
    keeper::Keeper,
    sys::wanted_guest_path,
};

/// A folder of the host in the machine.
#[derive(Debug)]
pub struct Entry {
    /// The folder, its links resolved.
    pub path: String,
    /// The path that was given for it, where that is another one.
    pub written: Option<String>,
    /// Whether containers may only read it.
    pub read_only: bool,
    /// Why it is shared.
    pub origin: ShareOrigin,
    /// What the guest did with it.
    pub guest: Mount,
    /// Why the folder is not there.
    pub missing: Option<String>,
    /// Whether a stream is served.
    pub is_serving: bool,
    /// Whether changes on the host are pushed; why not, where that is known.
    pub watched: Option<Result<(), String>>,
    /// Serves it.
    pub keeper: Keeper,
    /// Who waits to learn that it is mounted.
    pub waiting: Vec<Reply>,
    /// Whether it is not kept when it cannot be mounted.
    pub is_new: bool,
}

/// What the guest did with a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// It was not asked, or has not answered.
    Unknown,
    /// It is mounted, and containers find it there.
    At(String),
    /// It could not be mounted.
    Failed(String),
}

impl Entry {
    /// As the guest is asked for it.
    pub fn spec(&self, id: &str) -> ShareSpec {
        ShareSpec {
            id: id.to_owned(),
            path: wanted_guest_path(&self.path),
            read_only: self.read_only,
        }
    }

    /// As the api tells it.
    pub fn show(&self) -> Share {
        let failed = match &self.guest {
            Mount::Failed(reason) => Some(reason),
            _ => self.missing.as_ref(),
        };
        let state = match &self.guest {
            _ if failed.is_some() => ShareState::Failed,
            Mount::At(_) if self.is_serving => ShareState::Mounted,
            _ => ShareState::Waiting,
        };
        let unwatched = match &self.watched {
            Some(Err(why)) if state == ShareState::Mounted => {
                Some(format!("changes on this host are seen after a second: {why}"))
            }
            _ => None,
        };
        Share {
            path: self.path.clone(),
            guest_path: match &self.guest {
                Mount::At(path) => Some(path.clone()),
                _ => None,
            },
            read_only: self.read_only,
            origin: self.origin,
            state,
            reason: failed.cloned().or(unwatched),
            watched: state == ShareState::Mounted && self.watched == Some(Ok(())),
        }
    }

    /// Takes in what its keeper tells.
    pub fn hear(&mut self, news: News) {
        match news {
            News::Folder(found) => self.missing = found.err(),
            News::Serving(is_serving) => self.is_serving = is_serving,
            News::Watched(watched) => self.watched = Some(watched),
        }
    }

    /// The machine is down.
    pub fn forget_machine(&mut self) {
        self.guest = Mount::Unknown;
        self.missing = None;
        self.is_serving = false;
        self.watched = None;
    }
}
