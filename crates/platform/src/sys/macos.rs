//! macOS.

mod base_folders;
mod boot;
pub mod client_process;
mod detached_command;
pub mod host_port;
mod kqueue;
pub mod peer_watch;
pub mod port_owner;
mod tie;

pub use boot::boot_id;

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
