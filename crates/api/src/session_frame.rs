//! Frames of an upgraded container session.
//!
//! ```text
//!   ┌─────────┬───────────────┬─────────┐   from the client: 0 input, 1 end of input (empty), 2 resize (columns
//!   │ kind u8 │ length u32 BE │ payload │   u16 BE, rows u16 BE), 3 signal (its name), 4 stop (empty), 5 detach
//!   └─────────┴───────────────┴─────────┘   (empty), 6 closing (empty)
//!                                           to the client: 16 stdout, 17 stderr, 18 taken (bytes u32 BE),
//!                                           19 event (JSON), 20 exit (code i64 BE), 21 failed (JSON)
//! ```
//!
//! Input is sent ahead of what `taken` frames have acknowledged by at most [`SESSION_INPUT_WINDOW_BYTES`], so that a
//! signal never waits behind input that the container does not read. `exit`, `failed` and the event `detached` are last.

mod agent;
mod client;

use std::{io, marker::PhantomData};

pub use self::{agent::AgentFrame, client::ClientFrame};
use crate::frame_buffer::{FrameBuffer, MAX_PAYLOAD_BYTES};

/// The protocol's name in the `Upgrade` header.
pub const SESSION_UPGRADE: &str = "pinnace-container";

/// The most bytes of a frame's payload.
pub const MAX_SESSION_PAYLOAD_BYTES: usize = MAX_PAYLOAD_BYTES;

/// The most bytes of input that are under way.
pub const SESSION_INPUT_WINDOW_BYTES: usize = 256 * 1024;

/// A frame of one direction.
pub trait SessionFrame: Sized {
    /// Encodes the frame. Data longer than [`MAX_SESSION_PAYLOAD_BYTES`] becomes several frames.
    fn encode(&self) -> Vec<u8>;

    /// Reads a frame's payload; `None` when it is none of this direction.
    fn decode(kind: u8, payload: &[u8]) -> Option<Self>;
}

/// Cuts a byte stream into frames of one direction.
#[derive(Debug)]
pub struct SessionFrameDecoder<F> {
    buffer: FrameBuffer,
    frame: PhantomData<fn() -> F>,
}

impl<F> Default for SessionFrameDecoder<F> {
    fn default() -> Self {
        Self {
            buffer: FrameBuffer::default(),
            frame: PhantomData,
        }
    }
}

impl<F: SessionFrame> SessionFrameDecoder<F> {
    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.push(bytes);
    }

    /// Takes the next whole frame; `None` until more bytes come. Fails with `InvalidData` on what is no frame; the
    /// stream is of no more use then.
    pub fn next_frame(&mut self) -> io::Result<Option<F>> {
        self.buffer.next_frame("session", F::decode)
    }
}

#[cfg(test)]
mod tests;
