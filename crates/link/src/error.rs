//! Why there is no stream.

use crate::Lane;

/// Why a stream could not be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The lane has no session, or lost it while the stream was opened.
    #[error("failed to open a stream: the {lane} lane is down")]
    Down {
        /// The lane.
        lane: Lane,
    },
    /// As many streams are open as one lane can bear; ended ones make room.
    #[error("failed to open a stream: the {lane} lane has {limit} streams open")]
    TooManyStreams {
        /// The lane.
        lane: Lane,
        /// How many it can bear.
        limit: usize,
    },
}
