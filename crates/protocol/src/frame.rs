//! Frames on the control stream, and the head frame of other streams.
//!
//! ```text
//!   ┌───────────────┬──────────────────────────────┐
//!   │ length u32 LE │ message, postcard encoding   │   1 ..= MAX_FRAME_BYTES bytes of message
//!   └───────────────┴──────────────────────────────┘
//! ```

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

/// The most bytes a message may have.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;

const LENGTH_BYTES: usize = 4;

/// Why bytes are not a message. The stream cannot be used any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length field names no bytes at all.
    #[error("the frame is empty")]
    Empty,
    /// The message is longer than [`MAX_FRAME_BYTES`].
    #[error("the frame has {0} bytes, more than {MAX_FRAME_BYTES}")]
    TooLong(usize),
    /// The bytes are no message of the expected kind.
    #[error("failed to decode a message: {0}")]
    Malformed(postcard::Error),
    /// Bytes follow the message inside its frame.
    #[error("the frame has {0} bytes after its message")]
    Trailing(usize),
}

/// Encodes one message as a frame.
///
/// Fails with [`FrameError::TooLong`] when the message is longer than [`MAX_FRAME_BYTES`].
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, FrameError> {
    let mut bytes = postcard::to_extend(message, vec![0; LENGTH_BYTES]).map_err(FrameError::Malformed)?;
    let length = bytes.len() - LENGTH_BYTES;
    match u32::try_from(length) {
        Ok(field) if length <= MAX_FRAME_BYTES => bytes[..LENGTH_BYTES].copy_from_slice(&field.to_le_bytes()),
        _ => return Err(FrameError::TooLong(length)),
    }
    Ok(bytes)
}

/// Cuts a byte stream into messages of kind `M`. Holds at most one frame's bytes beyond what was pushed last.
#[derive(Debug)]
pub struct FrameDecoder<M> {
    buffer: Vec<u8>,
    message: PhantomData<fn() -> M>,
}

impl<M> Default for FrameDecoder<M> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            message: PhantomData,
        }
    }
}

impl<M: DeserializeOwned> FrameDecoder<M> {
    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next whole message; `None` until more bytes come. After an error the stream is of no more use.
    pub fn next_message(&mut self) -> Result<Option<M>, FrameError> {
        let Some((field, rest)) = self.buffer.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*field) as usize;
        if length == 0 {
            return Err(FrameError::Empty);
        }
        if length > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let (message, trailing) = postcard::take_from_bytes(body).map_err(FrameError::Malformed)?;
        if !trailing.is_empty() {
            return Err(FrameError::Trailing(trailing.len()));
        }
        self.buffer.drain(..LENGTH_BYTES + length);
        Ok(Some(message))
    }

    /// The bytes that were pushed and belong to no message yet. What follows a head frame on a byte stream.
    pub fn into_rest(self) -> Vec<u8> {
        self.buffer
    }
}
