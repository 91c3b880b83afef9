//! The contract between host agent and guest agent.
//!
//! Both ends depend on this crate and neither owns it. It does no I/O and knows no operating system: bytes in,
//! messages out. `link` carries the bytes; `agent-client` asks on the host; `guest-agent` answers in the guest.
//!
//! ```text
//!   host agent                                          guest agent
//!   ──────────                                          ───────────
//!   HostFrame { id, request }  ── control stream ──►    performs it
//!                              ◄── GuestFrame::Reply    { id, result }
//!                              ◄── GuestFrame::Event    whenever something happened
//! ```
//!
//! Only control crosses the control stream. Bytes (the engine API, a shell, logs) travel on streams of their own,
//! each dialled on its [`LinkPort`].
//!
//! Messages are only ever added: variants at the end of an enum, never reordered or removed. A test freezes every
//! message's encoding in `tests/snapshots`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod event;
mod forward;
mod frame;
mod network;
mod port;
mod process;
mod request;
mod share;

pub use event::{BootStage, DataDisk, EngineState, Event};
pub use forward::{
    ForwardTarget, GuestListener, ListenerOrigin, MAX_DATAGRAM_BYTES, Publication, PublicationAnswer,
    PublicationFrame, Transport,
};
pub use frame::{FrameDecoder, FrameError, MAX_FRAME_BYTES, encode};
pub use network::{MAX_CA_BYTES, MAX_PROXY_BYTES, NetworkSettings};
pub use port::LinkPort;
pub use process::{ProcessFacts, TerminalFacts};
pub use request::{
    AgentError, ErrorCode, Facts, GuestFrame, HostFrame, LogSource, Reply, Request, StreamHead,
};
pub use share::{MountedShare, ShareSpec};

/// The one protocol number. Host and guest must agree on it; it is exchanged when a lane is set up.
pub const GENERATION: u32 = 1;
