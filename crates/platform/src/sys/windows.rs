//! Windows.

mod base_folders;
mod boot;
pub mod client_process;
mod console_events;
pub mod descriptor_limit;
mod detached_command;
pub mod disk;
pub mod file;
pub mod folders;
pub mod host_port;
mod job;
pub mod lock;
pub mod peer_watch;
pub mod port_owner;
mod security;
pub mod socket;
mod wide;

pub use boot::boot_id;
pub use console_events::terminate_signal;

pub mod detached {
    //! Preparing a command that outlives us.
    pub use super::detached_command::prepare;
}

pub mod tied_child {
    //! Spawning a child that does not outlive us.
    pub use super::job::{End, Tie, spawn, unknown_status};
}
