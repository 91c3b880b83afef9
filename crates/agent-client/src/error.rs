//! Why a call to the guest agent failed.

use std::io;

use link::LinkError;
use protocol::{AgentError, FrameError};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum AgentClientError {
    /// The stream could not be opened.
    #[error("failed to dial the guest's {service}")]
    Dial {
        /// What was dialled.
        service: &'static str,
        /// The link's answer.
        source: LinkError,
    },
    /// The control stream is gone, and this client with it.
    #[error("the connection to the guest agent is lost")]
    Lost,
    /// The guest agent is there and does not answer.
    #[error("the guest agent did not answer {request} within {limit_s} s")]
    Timeout {
        /// What was asked.
        request: &'static str,
        /// How long was waited, in seconds.
        limit_s: u64,
    },
    /// It answered that it did not do it.
    #[error("the guest agent refused {request}")]
    Refused {
        /// What was asked.
        request: &'static str,
        /// Its reason.
        source: AgentError,
    },
    /// It answered something else than what was asked.
    #[error("the guest agent's answer to {request} is of another kind")]
    Unexpected {
        /// What was asked.
        request: &'static str,
    },
    /// The request does not fit into a frame.
    #[error("failed to encode {request}")]
    Encode {
        /// What was asked.
        request: &'static str,
        /// Why.
        source: FrameError,
    },
    /// The head of a byte stream could not be sent.
    #[error("failed to begin the guest's {service}")]
    Begin {
        /// What was begun.
        service: &'static str,
        /// The stream's answer.
        source: io::Error,
    },
}
