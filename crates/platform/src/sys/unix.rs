//! What Linux and macOS share.

pub mod child_end;
pub mod descriptor_limit;
pub mod descriptors;
pub mod disk;
pub mod file;
pub mod folders;
pub mod host_port;
pub mod lock;
pub mod process_arguments;
pub mod readiness;
pub mod signals;
pub mod socket;
#[cfg(any(target_os = "macos", test))]
pub mod socket_facts;
#[cfg(any(target_os = "macos", test))]
pub mod watcher;
