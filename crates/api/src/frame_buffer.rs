//! Frames as both kinds of upgraded connection have them: a kind, a length, a payload.
//!
//! ```text
//!   ┌─────────┬───────────────┬─────────┐
//!   │ kind u8 │ length u32 BE │ payload │
//!   └─────────┴───────────────┴─────────┘
//! ```

use std::io;

/// The most bytes of a frame's payload.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

const HEAD_BYTES: usize = 5;

/// The most bytes of a frame.
#[cfg(test)]
pub const MAX_FRAME_BYTES: usize = HEAD_BYTES + MAX_PAYLOAD_BYTES;

/// Bytes of a stream that are to be cut into frames.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
}

impl FrameBuffer {
    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes wait for the rest of their frame.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the next whole frame, which `decode` reads from its kind and payload; `None` until more bytes come. Fails
    /// with `InvalidData` on what is no frame; the stream is of no more use then. `stream` names it in the error.
    pub fn next_frame<F>(
        &mut self,
        stream: &str,
        decode: impl FnOnce(u8, &[u8]) -> Option<F>,
    ) -> io::Result<Option<F>> {
        let Some((&[kind, a, b, c, d], rest)) = self.bytes.split_first_chunk::<HEAD_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let invalid = || {
            let message = format!("the {stream} frame has kind {kind} and {length} bytes");
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        if length > MAX_PAYLOAD_BYTES {
            return Err(invalid());
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let frame = decode(kind, payload).ok_or_else(invalid)?;
        self.bytes.drain(..HEAD_BYTES + length);
        Ok(Some(frame))
    }
}

/// Encodes one frame. The payload is at most [`MAX_PAYLOAD_BYTES`] long.
pub fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len());
    bytes.push(kind);
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Encodes data of any length, as several frames where it does not fit into one.
pub fn frames(kind: u8, data: &[u8]) -> Vec<u8> {
    data.chunks(MAX_PAYLOAD_BYTES)
        .flat_map(|chunk| frame(kind, chunk))
        .collect()
}
