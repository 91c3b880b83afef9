//! Where a chunked body ends, and which of its bytes are data.
//!
//! ```text
//!   size in hex [;extension] CR LF  data  CR LF   …   0 CR LF  trailers  CR LF
//! ```
//!
//! Bytes pass on as they came; this only follows them. Source: RFC 9112, section 7.1.

use super::Part;

/// The most bytes of a size line, and of all trailers together.
const MAX_LINE_BYTES: usize = 4 * 1024;
const MAX_TRAILER_BYTES: usize = 64 * 1024;
const MAX_SIZE_DIGITS: usize = 15;

/// Bytes that are no chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chunk is malformed: {0}")]
pub struct BadChunk(&'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a size's digits.
    Size,
    /// After them, before the line's CR.
    Extension,
    /// The line's LF comes.
    SizeEnd,
    /// In data.
    Data,
    /// CR and LF after data.
    DataCr,
    DataLf,
    /// At the start of a line of the trailers.
    TrailerStart,
    /// Inside one.
    Trailer,
    /// Its LF comes.
    TrailerEnd,
    /// The last LF comes.
    LastLf,
    Done,
}

/// Follows one body.
#[derive(Clone, Debug)]
pub(super) struct Chunked {
    state: State,
    size: u64,
    digits: usize,
    line: usize,
    trailers: usize,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            line: 0,
            trailers: 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The next part of `bytes` and its length: a run of data, or of what frames it. `None` when none belongs to the body.
    pub(super) fn next_part(&mut self, bytes: &[u8]) -> Result<Option<(Part, usize)>, BadChunk> {
        if bytes.is_empty() || self.is_done() {
            return Ok(None);
        }
        if self.state == State::Data {
            let length = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len());
            self.size -= length as u64;
            if self.size == 0 {
                self.state = State::DataCr;
            }
            return Ok(Some((Part::Data, length)));
        }
        let mut length = 0;
        for byte in bytes {
            if matches!(self.state, State::Data | State::Done) {
                break;
            }
            self.step(*byte)?;
            length += 1;
        }
        Ok(Some((Part::Framing, length)))
    }

    fn step(&mut self, byte: u8) -> Result<(), BadChunk> {
        self.state = match (self.state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.digits += 1;
                if self.digits > MAX_SIZE_DIGITS {
                    return Err(BadChunk("its size is too large"));
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size * 16 + u64::from(digit);
                State::Size
            }
            (State::Size, _) if self.digits == 0 => return Err(BadChunk("it has no size")),
            (State::Size, b'\r') | (State::Extension, b'\r') => State::SizeEnd,
            (State::Size, b';' | b' ' | b'\t') => State::Extension,
            (State::Extension, b'\n') => return Err(BadChunk("its line does not end with CR LF")),
            (State::Extension, _) => {
                self.line += 1;
                if self.line > MAX_LINE_BYTES {
                    return Err(BadChunk("its extension is too long"));
                }
                State::Extension
            }
            (State::Size, _) => return Err(BadChunk("its size is no number")),
            (State::SizeEnd, b'\n') => {
                (self.digits, self.line) = (0, 0);
                if self.size == 0 {
                    State::TrailerStart
                } else {
                    State::Data
                }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size,
            (State::TrailerStart, b'\r') => State::LastLf,
            (State::TrailerStart | State::Trailer, b'\n') => {
                return Err(BadChunk("a trailer does not end with CR LF"));
            }
            (State::Trailer, b'\r') => State::TrailerEnd,
            (State::TrailerStart | State::Trailer, _) => {
                self.trailers += 1;
                if self.trailers > MAX_TRAILER_BYTES {
                    return Err(BadChunk("its trailers are too long"));
                }
                State::Trailer
            }
            (State::TrailerEnd, b'\n') => State::TrailerStart,
            (State::LastLf, b'\n') => State::Done,
            (State::SizeEnd | State::DataLf | State::TrailerEnd | State::LastLf, _) => {
                return Err(BadChunk("a CR has no LF"));
            }
            (State::DataCr, _) => return Err(BadChunk("its data is longer than its size")),
            (State::Data | State::Done, _) => return Err(BadChunk("it has ended")),
        };
        Ok(())
    }
}
