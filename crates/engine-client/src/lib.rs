//! Calls of the Docker API over any byte stream: what the CLI, the host agent and the guard ask the engine.
//!
//! One connection per call, so that a call that is given up is given up for the engine too, and nothing is asked
//! twice. Everything the engine sends is hostile text: sizes are bounded, and unknown fields are ignored.
//!
//! ```text
//!   Engine ── Connect::connect ──► byte stream ── HTTP/1.1 ──► dockerd
//!     json:   a whole answer            lines: a stream of JSON objects (events, pull, stats)
//!     text:   a stream of bytes (logs)  hijack: both directions raw (attach, exec)
//! ```
//!
//! Source: the Docker Engine API reference, version [`API_VERSION`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod call;
mod connect;
mod containers;
mod driven;
mod error;
mod exec;
mod images;
mod lines;
mod log_frame;
mod reference;
mod registry_auth;
mod stats;
mod system;
mod types;
mod url;

pub use call::{ByteStream, Engine, Hijacked};
pub use connect::{Connect, Io};
pub use containers::{AttachQuery, LogsQuery, Removal};
pub use error::EngineError;
pub use exec::{ExecConfig, ExecState};
pub use images::{PullProgress, PullStep};
pub use lines::JsonLines;
pub use log_frame::{LogFrame, LogFrameDecoder, LogFrameError, MAX_LOG_FRAME_BYTES, Output};
pub use reference::{Reference, ReferenceError};
pub use registry_auth::{RegistryAuth, RegistryLogin};
pub use stats::{
    BlockEntry, BlockStats, ContainerStats, CpuStats, CpuUsage, MemoryStats, NetworkStats, ProcessStats,
};
pub use types::{
    ContainerDetails, ContainerDetailsConfig, ContainerDetailsHost, ContainerState, ContainerSummary,
    Created, EngineEvent, EngineEventActor, ImageDetails, ImageDetailsConfig, ImageSummary, Port,
    RestartPolicy, WaitResult,
};
pub use url::{encode_query, encode_segment};

/// The version in every path. Every engine since Docker 25 speaks it.
pub const API_VERSION: &str = "v1.44";
