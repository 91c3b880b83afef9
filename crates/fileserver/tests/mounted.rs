//! Ordinary programs' work in a share, through a real FUSE mount.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "mount namespaces and memory maps have no safe face")]

#[path = "mounted/faults.rs"]
mod faults;
#[path = "mounted/files.rs"]
mod files;
#[path = "guest/mod.rs"]
mod guest;
#[path = "mounted/locks.rs"]
mod locks;
#[path = "mounted/ownership.rs"]
mod ownership;
#[path = "mounted/programs.rs"]
mod programs;
#[path = "mounted/watching.rs"]
mod watching;
