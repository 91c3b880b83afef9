//! Host side of the protocol: typed calls to the guest agent over the link.
//!
//! One control stream carries requests, replies and events for as long as the control lane's session lives; bytes
//! (engine, shells, logs) travel on streams of their own. A lost control stream fails every call at once and ends the
//! client for good: the supervisor connects a new one when the lane is back.
//!
//! ```text
//!   call ──► pending[id] ──► writer task ──► HostFrame ──►
//!   call ◄── pending[id] ◄── reader task ◄── GuestFrame::Reply
//!                 events ◄──      "       ◄── GuestFrame::Event
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod client;
mod error;
mod network;
mod process;
mod publications;
mod session;
mod shares;
mod streams;

pub use client::AgentClient;
pub use error::AgentClientError;
pub use publications::{PublicationReader, PublicationWriter};
