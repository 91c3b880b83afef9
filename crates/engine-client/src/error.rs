//! Why a call did not succeed.

use std::io;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no connection to the engine.
    #[error("failed to reach the engine")]
    Connect(#[source] io::Error),
    /// The engine answered with an error.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The engine's own words.
        message: String,
    },
    /// The connection broke, or what came is no HTTP.
    #[error("failed to talk to the engine about {call}")]
    Http {
        /// What was asked, as `POST /containers/create`.
        call: String,
        /// Why.
        source: hyper::Error,
    },
    /// The answer is not what this version understands.
    #[error("failed to understand the engine's answer to {call}")]
    Answer {
        /// What was asked.
        call: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The answer is longer than any that is useful.
    #[error("the engine's answer to {call} is longer than {limit} bytes")]
    TooLong {
        /// What was asked.
        call: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A stream of the engine broke.
    #[error("the engine's answer to {call} broke off")]
    Broken {
        /// What was asked.
        call: String,
        /// Why.
        source: io::Error,
    },
}

impl EngineError {
    /// The HTTP status, where the engine answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether what was named does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}
