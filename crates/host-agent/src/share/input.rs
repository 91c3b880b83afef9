//! Everything that can change the table of shares.

use agent_client::AgentClient;
use api::{ApiError, Share};
use protocol::{AgentError, MountedShare, ShareSpec};
use tokio::sync::oneshot;

use super::check::Checked;

/// One thing that happened or is wanted.
#[derive(Debug)]
pub enum Input {
    /// The guest agent is connected; an earlier connection counts no more.
    Connected(AgentClient),
    /// The connection is lost. What is mounted stays so.
    Lost,
    /// The machine is down, and with it what was mounted.
    Down,
    /// The guest was asked to mount what is shared.
    Answered {
        /// Of the asking.
        asking: u64,
        /// For each share that was asked for; or why there was no answer.
        answer: Result<Vec<(ShareSpec, MountAnswer)>, String>,
    },
    /// A keeper tells of its share.
    Kept {
        /// The keeper.
        keeper: u64,
        /// What it tells.
        news: News,
    },
    /// A folder should be shared.
    Add(Add, Reply),
    /// A folder should be shared no longer.
    Remove {
        /// Its share's id.
        id: String,
        /// Where the outcome goes.
        reply: Reply,
    },
}

/// What the guest said of one share.
pub type MountAnswer = Result<MountedShare, AgentError>;

/// Where the outcome of a request goes. Whoever asked may have gone.
pub type Reply = oneshot::Sender<Result<Share, ApiError>>;

/// See [`Input::Add`].
#[derive(Debug)]
pub struct Add {
    /// The folder.
    pub folder: Checked,
    /// Whether containers may only read it.
    pub read_only: bool,
}

/// What a keeper tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The folder is there, or why not.
    Folder(Result<(), String>),
    /// Whether a stream is served.
    Serving(bool),
    /// Changes on the host are pushed, or why not.
    Watched(Result<(), String>),
}
