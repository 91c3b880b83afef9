//! The local HTTP API of the host agent: what desktop app, CLI and scripts share.
//!
//! HTTP/1.1 and JSON over a Unix socket or named pipe of the user's own, every path under `/v1`. The host agent serves
//! it; [`Client`] calls it; `openapi.json` beside this crate's manifest is generated from it and compared in a test.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod client;
mod error;
mod event;
mod forward;
mod frame_buffer;
mod machine;
mod openapi;
mod query;
mod route;
mod secret;
mod session;
mod session_frame;
mod share;
mod shell_frame;
mod signals;
mod status;
mod why;

pub use client::{
    Client, ClientError, EventStream, LogStream, ReceivedEvent, SessionReader, SessionWriter, ShellReader,
    ShellWriter,
};
pub use error::{ApiError, Code};
pub use event::ApiEvent;
pub use forward::{AddForward, Forward, ForwardOrigin, ForwardState, MoveForward, RemoveForward};
pub use machine::{LogQuery, LogSource, ResetPlan, ResetRequest, ShellRequest, StartRequest, StopRequest};
pub use openapi::openapi_document;
pub use route::Route;
pub use secret::Secret;
pub use session::{
    AttachRequest, Escalation, EscalationReason, ExecRequest, InitChoice, PullPolicy, RunRequest,
    SessionEvent, SessionFailure, SessionRequest,
};
pub use session_frame::{
    AgentFrame, ClientFrame, MAX_SESSION_PAYLOAD_BYTES, SESSION_INPUT_WINDOW_BYTES, SESSION_UPGRADE,
    SessionFrame, SessionFrameDecoder,
};
pub use share::{AddShare, RemoveShare, Share, ShareOrigin, ShareState};
pub use shell_frame::{MAX_SHELL_PAYLOAD_BYTES, SHELL_UPGRADE, ShellFrame, ShellFrameDecoder};
pub use signals::{SignalReport, StopVerdict};
pub use status::{
    Boot, EngineInfo, EngineState, HostAgentInfo, MachineInfo, MachineState, Phase, Status, VmImageInfo,
};
pub use why::{WhyAnswer, WhyEvidence, WhyQuery};
