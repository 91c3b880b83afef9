//! The driver without a VM: the guest agent runs as PID 1 of private namespaces whose root is the VM image's own root
//! disk. The fast lane for tests and for work on the UI: the same dockerd and the same link, in a second instead of
//! half a minute.
//!
//! ```text
//!   host agent ─ TiedChild ─► sh join.sh ─► unshare ─► sh enter.sh ─► guest agent (PID 1) ─► dockerd …
//!                             joins groups  namespaces  mounts, pivot  `process` profile
//! ```
//!
//! Nothing outlives the guest agent: the kernel ends a PID namespace with its PID 1, the mounts and loop devices go with
//! the mount namespace, and the control groups are removed here, or swept by the next launch after a crash.
//!
//! Linux only, and needs root. Elsewhere the crate is empty.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub use linux::{FakeConfig, FakeDriver};
