//! The host agent: the one process that owns the machine and everything that follows from it running.
//!
//! ```text
//!   api socket ────► server ──────────┐ asks
//!   engine socket ─► engine_upstream ─┤ agent     supervisor (one task) ──► driver ──► VM
//!                                     ▼              │      ▲
//!   forward: host ports ◄─ agent ────┤
//!   network: host proxies ─► agent ──┤
//!   share: host folders ◄─ agent ────┤
//!   event_feed ◄── status ◄───── snapshot ◄──────────┘      └── machine_source: settings, vm_image, data_disk
//! ```
//!
//! [`run`] is the composition root; [`drivers`] the one ordered list of drivers. Nothing else knows a driver.
#![forbid(unsafe_code)]

mod data_disk;
mod docker_context;
mod down;
pub mod drivers;
mod engine_connect;
mod engine_upstream;
mod event_feed;
mod failure;
mod forward;
mod guard_host;
mod journal;
mod kept_file;
mod lease;
mod log_file;
mod machine_source;
mod network;
mod notice;
mod ownership;
mod reset;
pub mod run;
mod server;
mod settings;
mod share;
mod signal_doctor;
mod status;
pub mod supervisor;
mod vm_image;
