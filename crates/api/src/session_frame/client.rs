//! What a client sends.

use super::SessionFrame;
use crate::frame_buffer::{frame, frames};

/// The most letters of a signal's name.
const MAX_SIGNAL_LETTERS: usize = 16;

/// A frame from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame {
    /// Input.
    Input(Vec<u8>),
    /// No more input comes.
    EndOfInput,
    /// The terminal has a new size.
    Resize {
        /// Its columns.
        columns: u16,
        /// Its rows.
        rows: u16,
    },
    /// A signal for the container, by its name without `SIG`. `INT` is a press of Ctrl+C: with each more is done to
    /// stop a container that the client owns.
    Signal(String),
    /// The container, or the command, is to be stopped now.
    Stop,
    /// The client leaves and what it owns goes on.
    Detach,
    /// The client is ended from outside and leaves; what it owns is to be stopped.
    Closing,
}

impl SessionFrame for ClientFrame {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Input(data) => frames(0, data),
            Self::EndOfInput => frame(1, &[]),
            Self::Resize { columns, rows } => {
                let ([a, b], [c, d]) = (columns.to_be_bytes(), rows.to_be_bytes());
                frame(2, &[a, b, c, d])
            }
            Self::Signal(name) => frame(3, name.as_bytes()),
            Self::Stop => frame(4, &[]),
            Self::Detach => frame(5, &[]),
            Self::Closing => frame(6, &[]),
        }
    }

    fn decode(kind: u8, payload: &[u8]) -> Option<Self> {
        Some(match (kind, payload) {
            (0, data) => Self::Input(data.to_vec()),
            (1, []) => Self::EndOfInput,
            (2, &[a, b, c, d]) => Self::Resize {
                columns: u16::from_be_bytes([a, b]),
                rows: u16::from_be_bytes([c, d]),
            },
            (3, name) => Self::Signal(signal_name(name)?),
            (4, []) => Self::Stop,
            (5, []) => Self::Detach,
            (6, []) => Self::Closing,
            _ => return None,
        })
    }
}

/// `INT`, `USR1`, `RTMIN+3`.
fn signal_name(bytes: &[u8]) -> Option<String> {
    let letters =
        |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-');
    let fits = (1..=MAX_SIGNAL_LETTERS).contains(&bytes.len()) && bytes.iter().all(letters);
    fits.then(|| bytes.iter().copied().map(char::from).collect())
}
