//! Linux.

mod base_folders;
pub mod client_process;
mod detached_command;
pub mod host_port;
pub mod peer_watch;
pub mod port_owner;
mod tie;

use std::fs;

pub use super::unix::{descriptor_limit, disk, file, lock, signals::terminate_signal, socket};

pub mod folders {
    //! Places and checks of folders.
    pub use super::{
        super::unix::folders::{
            SOCKET_PATH_LIMIT_BYTES, addresses, close_to_others, create_private, is_ours,
        },
        base_folders::usual,
    };
}

pub mod detached {
    //! Preparing a command that outlives us.
    pub use super::detached_command::prepare;
}

pub mod tied_child {
    //! Spawning a child that does not outlive us.
    pub use super::{
        super::unix::child_end::{End, unknown_status},
        tie::{Tie, spawn},
    };
}

/// The kernel makes one up at every boot.
pub fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
