//! Boots a machine with QEMU, the same way on every host.
//!
//! ```text
//!   QemuDriver ── prepare ──► program/, accelerator/ (tried by running a guest; verdict in cache)
//!       │
//!       └─────── launch ────► args/ ──► process ◄── qmp ──► QemuInstance ──► DriverEvent …
//!                             lanes (carriers of the link)        └── watch: one task sees everything that happens
//! ```
//!
//! QEMU is the client of every socket, runs with no user configuration, and lives no longer than we do. Neighbours:
//! `machine` is the contract, `link` the lanes, `platform` the tied process.
#![forbid(unsafe_code)]

mod accelerator;
mod args;
mod cache;
mod carriers;
mod console;
mod driver;
mod endpoint;
mod host;
mod instance;
mod launch;
mod process;
mod program;
mod qmp;
mod version;
#[cfg(target_os = "linux")]
mod vsock;
mod watch;

pub use driver::{QemuConfig, QemuDriver};
