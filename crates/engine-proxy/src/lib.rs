//! The Docker endpoint on the host: an HTTP-aware relay between Docker's clients and the engine, and the foreground
//! guard, which learns from what goes by whose client owns which container.
//!
//! ```text
//!   client ──► endpoint ──► relay ── bytes as they are ──► Upstream ──► engine
//!                             │
//!                             └── calls it understands ──► guard ──► GuardHost (stop, journal)
//! ```
//!
//! The relay parses each head once; the same parse decides what the guard hears and what the engine gets. Bodies and
//! upgraded streams pass through byte for byte, except for bodies that [`rewrite`] changes: those are read whole first,
//! and the guard reads what the engine gets.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod call;
mod endpoint;
pub mod guard;
mod http;
mod relay;
pub mod rewrite;
mod upstream;

pub use call::Call;
pub use endpoint::{Endpoint, EndpointConfig};
pub use http::{BodyScanner, Framing, HeadError, MAX_HEAD_BYTES, RequestHead, ResponseHead};
pub use upstream::{Io, Unavailable, Upstream};
