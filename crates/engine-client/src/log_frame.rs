//! The frames in which the engine mixes both outputs of a container without a terminal.
//!
//! ```text
//!   ┌──────────┬─────────┬───────────────┬─────────┐   output: 0 stdin (as stdout), 1 stdout, 2 stderr,
//!   │ output u8│ 0 0 0   │ length u32 BE │ payload │           3 an error of the engine's own
//!   └──────────┴─────────┴───────────────┴─────────┘
//! ```
//!
//! A payload is handed on as it comes, in pieces: the decoder holds nothing but a head.
//!
//! Source: "Stream format" under `POST /containers/{id}/attach` in the Docker Engine API reference.

/// The most bytes a frame may announce. The engine's own are at most 64 KiB; lines of logs may be longer.
pub const MAX_LOG_FRAME_BYTES: u32 = 64 * 1024 * 1024;

const HEAD_BYTES: usize = 8;

/// Which output a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The engine's own words about why there is no more.
    Engine,
}

/// A piece of one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogFrame<'a> {
    /// Whose.
    pub output: Output,
    /// Its bytes, at least one.
    pub bytes: &'a [u8],
}

/// Bytes that are no frame. The stream is of no more use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFrameError {
    /// An output that does not exist.
    #[error("the engine's stream has a frame of kind {0}")]
    Kind(u8),
    /// Longer than [`MAX_LOG_FRAME_BYTES`].
    #[error("the engine's stream has a frame of {0} bytes")]
    TooLong(u32),
}

/// Cuts a stream into pieces.
#[derive(Clone, Debug, Default)]
pub struct LogFrameDecoder {
    head: [u8; HEAD_BYTES],
    have: usize,
    output: Option<Output>,
    left: u32,
}

impl LogFrameDecoder {
    /// Takes the next piece off the front of `bytes`; `None` when they are used up.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<LogFrame<'a>>, LogFrameError> {
        loop {
            if let Some(output) = self.output {
                if bytes.is_empty() {
                    return Ok(None);
                }
                let length = bytes.len().min(self.left as usize);
                let (piece, rest) = bytes.split_at(length);
                *bytes = rest;
                // At most `left`, which is a u32.
                self.left -= u32::try_from(length).unwrap_or(self.left);
                if self.left == 0 {
                    self.output = None;
                }
                return Ok(Some(LogFrame { output, bytes: piece }));
            }
            let length = bytes.len().min(HEAD_BYTES - self.have);
            self.head[self.have..self.have + length].copy_from_slice(&bytes[..length]);
            *bytes = &bytes[length..];
            self.have += length;
            if self.have < HEAD_BYTES {
                return Ok(None);
            }
            self.have = 0;
            let [kind, _, _, _, a, b, c, d] = self.head;
            let left = u32::from_be_bytes([a, b, c, d]);
            if left > MAX_LOG_FRAME_BYTES {
                return Err(LogFrameError::TooLong(left));
            }
            let output = match kind {
                0 | 1 => Output::Stdout,
                2 => Output::Stderr,
                3 => Output::Engine,
                other => return Err(LogFrameError::Kind(other)),
            };
            if left > 0 {
                self.output = Some(output);
                self.left = left;
            }
        }
    }

    /// Whether the stream may end here: between two frames.
    pub fn at_boundary(&self) -> bool {
        self.have == 0 && self.output.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    fn decode(bytes: &[u8], cut: usize) -> (Vec<u8>, Vec<u8>, bool) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut decoder = LogFrameDecoder::default();
        for part in bytes.chunks(cut.max(1)) {
            let mut part = part;
            while let Some(frame) = decoder.next(&mut part).unwrap() {
                match frame.output {
                    Output::Stdout => out.extend_from_slice(frame.bytes),
                    Output::Stderr => err.extend_from_slice(frame.bytes),
                    Output::Engine => panic!("no such frame was sent"),
                }
            }
        }
        (out, err, decoder.at_boundary())
    }

    proptest! {
        #[test]
        fn frames_cut_anywhere_give_each_output_whole(
            frames in proptest::collection::vec((1..=2_u8, proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
            cut in 1..30_usize,
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(kind, payload)| frame(*kind, payload)).collect();
            let of = |wanted: u8| -> Vec<u8> {
                frames.iter().filter(|(kind, _)| *kind == wanted).flat_map(|(_, payload)| payload.clone()).collect()
            };
            prop_assert_eq!(decode(&bytes, cut), (of(1), of(2), true));
        }
    }

    #[test]
    fn stream_cut_inside_a_frame_is_not_at_a_boundary() {
        let bytes = frame(1, b"hello");
        for length in 1..bytes.len() {
            assert!(!decode(&bytes[..length], 100).2, "{length}");
        }
    }

    #[test]
    fn frame_of_another_kind_or_too_long_is_refused() {
        let mut decoder = LogFrameDecoder::default();
        assert_eq!(
            decoder.next(&mut &frame(9, b"x")[..]),
            Err(LogFrameError::Kind(9))
        );
        let mut decoder = LogFrameDecoder::default();
        let bytes = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(
            decoder.next(&mut &bytes[..]),
            Err(LogFrameError::TooLong(u32::MAX))
        );
    }
}
