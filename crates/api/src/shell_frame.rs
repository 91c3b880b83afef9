//! Frames of an upgraded shell connection.
//!
//! ```text
//!   ┌─────────┬───────────────┬─────────┐   kind 0 input or output, 1 end of input (empty),
//!   │ kind u8 │ length u32 BE │ payload │   2 resize (columns u16 BE, rows u16 BE),
//!   └─────────┴───────────────┴─────────┘   3 exit code (one byte, from the host agent, last)
//! ```

use std::io;

use crate::frame_buffer::{FrameBuffer, MAX_PAYLOAD_BYTES, frame, frames};

/// The protocol's name in the `Upgrade` header.
pub const SHELL_UPGRADE: &str = "pinnace-shell";

/// The most bytes of a frame's payload.
pub const MAX_SHELL_PAYLOAD_BYTES: usize = MAX_PAYLOAD_BYTES;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellFrame {
    /// Input to the shell or output from it.
    Data(Vec<u8>),
    /// No more input comes.
    EndOfInput,
    /// The terminal has a new size.
    Resize {
        /// Its columns.
        columns: u16,
        /// Its rows.
        rows: u16,
    },
    /// The shell ended with this code. The last frame.
    Exit(u8),
}

impl ShellFrame {
    /// Encodes the frame. Data longer than [`MAX_SHELL_PAYLOAD_BYTES`] becomes several frames.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Data(data) => frames(0, data),
            Self::EndOfInput => frame(1, &[]),
            Self::Resize { columns, rows } => {
                let ([a, b], [c, d]) = (columns.to_be_bytes(), rows.to_be_bytes());
                frame(2, &[a, b, c, d])
            }
            Self::Exit(code) => frame(3, &[*code]),
        }
    }

    fn decode(kind: u8, payload: &[u8]) -> Option<Self> {
        Some(match (kind, payload) {
            (0, data) => Self::Data(data.to_vec()),
            (1, []) => Self::EndOfInput,
            (2, &[a, b, c, d]) => Self::Resize {
                columns: u16::from_be_bytes([a, b]),
                rows: u16::from_be_bytes([c, d]),
            },
            (3, &[code]) => Self::Exit(code),
            _ => return None,
        })
    }
}

/// Cuts a byte stream into frames.
#[derive(Debug, Default)]
pub struct ShellFrameDecoder {
    buffer: FrameBuffer,
}

impl ShellFrameDecoder {
    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.push(bytes);
    }

    /// Takes the next whole frame; `None` until more bytes come. Fails with `InvalidData` on what is no frame; the
    /// stream is of no more use then.
    pub fn next_frame(&mut self) -> io::Result<Option<ShellFrame>> {
        self.buffer.next_frame("shell", ShellFrame::decode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cut_at_every_byte_are_read_back() {
        let frames = [
            ShellFrame::Data(b"ls\n".to_vec()),
            ShellFrame::Resize {
                columns: 80,
                rows: 24,
            },
            ShellFrame::EndOfInput,
            ShellFrame::Exit(130),
        ];
        let mut decoder = ShellFrameDecoder::default();
        let mut read = Vec::new();
        for byte in frames.iter().flat_map(ShellFrame::encode) {
            decoder.push(&[byte]);
            while let Some(frame) = decoder.next_frame().unwrap() {
                read.push(frame);
            }
        }
        assert_eq!(read, frames);
    }

    #[test]
    fn long_data_becomes_several_frames() {
        let mut decoder = ShellFrameDecoder::default();
        decoder.push(&ShellFrame::Data(vec![7; MAX_SHELL_PAYLOAD_BYTES + 1]).encode());
        let lengths: Vec<_> = std::iter::from_fn(|| decoder.next_frame().unwrap())
            .map(|frame| {
                if let ShellFrame::Data(data) = frame {
                    data.len()
                } else {
                    0
                }
            })
            .collect();
        assert_eq!(lengths, [MAX_SHELL_PAYLOAD_BYTES, 1]);
    }

    #[test]
    fn frame_of_wrong_kind_or_length_is_refused() {
        for bytes in [
            &[9, 0, 0, 0, 0][..],
            &[1, 0, 0, 0, 1, 0],
            &[0, 255, 255, 255, 255],
            &[3, 0, 0, 0, 0],
        ] {
            let mut decoder = ShellFrameDecoder::default();
            decoder.push(bytes);
            assert!(decoder.next_frame().is_err(), "{bytes:?}");
        }
    }
}
