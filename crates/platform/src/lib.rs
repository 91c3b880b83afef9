//! Services of the host OS behind one face: folders, local sockets and named pipes, locks, processes, signals, disks.
//!
//! Each module here is one noun and the same on every OS. What differs lives in `sys/`, one implementation per OS with
//! equal names, and nothing outside `sys/` holds an OS `cfg`. Used by the host agent, the CLI, the api and the drivers;
//! depends on nobody of ours.

mod atomic_file;
mod boot;
mod client_process;
mod descriptor_limit;
mod detached;
mod disk;
mod folders;
mod host_port;
mod local_address;
mod local_socket;
mod owner_lock;
mod peer_watch;
mod port_owner;
mod signals;
mod sys;
#[cfg(test)]
mod test_program;
mod tied_child;

pub use atomic_file::write_atomically;
pub use boot::boot_id;
pub use client_process::{ClientProcess, ProcessIdentity};
pub use descriptor_limit::raise_descriptor_limit;
pub use detached::spawn_detached;
pub use disk::{allocated_bytes, create_sparse, free_space};
pub use folders::{Folders, FoldersError, LONGEST_SOCKET_NAME_BYTES};
pub use host_port::{HostPort, PortKind, bind_tcp, bind_udp, denied_port_hint, is_no_address};
pub use local_address::LocalAddress;
pub use local_socket::{LocalListener, LocalSocketError, LocalStream, Peer};
pub use owner_lock::{LockError, OwnerLock};
pub use peer_watch::PeerWatch;
pub use port_owner::{PortOwner, port_owner};
pub use signals::terminate_signal;
pub use tied_child::TiedChild;
