//! What the host agent sends.

use serde::Serialize;

use super::SessionFrame;
use crate::{
    ApiError, SessionEvent, SessionFailure,
    frame_buffer::{frame, frames},
};

/// The most characters of a message, so that whatever an engine says fits into a frame.
const MAX_MESSAGE_CHARACTERS: usize = 4096;

/// A frame from the host agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentFrame {
    /// Standard output, and all output of a terminal.
    Stdout(Vec<u8>),
    /// Standard error.
    Stderr(Vec<u8>),
    /// So many bytes of input were taken; as many more may be sent.
    Taken(u32),
    /// Something happened.
    Event(SessionEvent),
    /// It ended with this code. The last frame.
    Exit(i64),
    /// It came to nothing. The last frame.
    Failed(SessionFailure),
}

impl SessionFrame for AgentFrame {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Stdout(data) => frames(16, data),
            Self::Stderr(data) => frames(17, data),
            Self::Taken(bytes) => frame(18, &bytes.to_be_bytes()),
            Self::Event(SessionEvent::Warning { message }) => frame(
                19,
                &json(&SessionEvent::Warning {
                    message: cut(message),
                }),
            ),
            Self::Event(event) => frame(19, &json(event)),
            Self::Exit(code) => frame(20, &code.to_be_bytes()),
            Self::Failed(SessionFailure { error, exit_code }) => frame(
                21,
                &json(&SessionFailure {
                    error: ApiError {
                        code: error.code,
                        message: cut(&error.message),
                        hint: error.hint.as_deref().map(cut),
                    },
                    exit_code: *exit_code,
                }),
            ),
        }
    }

    fn decode(kind: u8, payload: &[u8]) -> Option<Self> {
        Some(match kind {
            16 => Self::Stdout(payload.to_vec()),
            17 => Self::Stderr(payload.to_vec()),
            18 => Self::Taken(u32::from_be_bytes(payload.try_into().ok()?)),
            19 => Self::Event(serde_json::from_slice(payload).ok()?),
            20 => Self::Exit(i64::from_be_bytes(payload.try_into().ok()?)),
            21 => Self::Failed(serde_json::from_slice(payload).ok()?),
            _ => return None,
        })
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Our own types always serialise.
    serde_json::to_vec(value).unwrap_or_default()
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARACTERS).collect()
}
