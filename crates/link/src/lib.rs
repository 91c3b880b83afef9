//! Byte streams between host and guest.
//!
//! A **lane** is one long-lived ordered byte stream, brought by a **carrier** (`sys/`: a virtio-serial port, a vsock
//! connection, a Unix socket). On each lane a mux gives **streams**; each stream has a half-close in each direction
//! and tells a clean end from an abort.
//!
//! ```text
//!   Stream   chunks: [length u16 LE][bytes], length 0 = clean end of this direction
//!   mux      yamux, frames of at most 32 KiB, a window for each stream
//!   records  [kind][length u16 LE][bytes][tag of the session], an empty one is a beat: see `heart`
//!   session  HELLO / ACK with random epochs
//!   carrier  bytes; may lose what was in flight when it reconnects
//! ```
//!
//! `docs/protocol.md` is the wire format. Host and guest use this crate alike, on any tokio runtime that has I/O and
//! time enabled.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod carrier;
mod chunk;
mod error;
mod greeting;
mod handshake;
mod heart;
mod lane;
mod lane_task;
mod link;
mod record;
mod session;
mod stalls;
mod stream;
mod sys;
mod watched;
mod wire;

pub use carrier::{ByteStream, Carrier, RawStream};
pub use error::LinkError;
pub use lane::{Lane, LaneState, Side};
pub use link::{Arrival, Incoming, Link};
pub use stalls::Stalls;
pub use stream::Stream;
pub use sys::*;
pub use watched::Watched;

/// Entrances for the fuzz targets in `fuzz/`. No part of the interface.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::chunk::fuzz_chunk;
    pub use crate::greeting::fuzz_greeting;
    pub use crate::record::fuzz_record;
}
