//! Host folders for the guest: a FUSE server over a byte stream.
//!
//! The guest agent copies what its kernel writes to `/dev/fuse` onto a stream of the files lane, and back. A
//! [`FileServer`] answers at the other end. There is no framing: every FUSE message starts with its own length.
//!
//! ```text
//!   stream ──► server      reads messages, bounds how many are worked on, writes answers in any order
//!                │
//!              request     the decoder: what a hostile guest can send ends here
//!                │
//!              session     one file for each family of requests; tables of nodes and handles; ownership
//!                │
//!              volume      the trait of a host folder: handles in, handles out, never a path
//!                │
//!              sys         what is behind it on this host
//!
//!   watch ──► invalidation what somebody on the host did becomes notifications on the same stream
//! ```
//!
//! The guest is hostile. Names of one component are all it can say; they are looked up from a handle of their folder,
//! a symbolic link is data and never followed, and what is not a regular file or a folder is never opened.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod abi;
mod errno;
mod handles;
mod hidden;
mod invalidation;
mod name;
mod negotiation;
mod nodes;
mod numbers;
mod options;
mod ownership;
mod replay;
mod reply;
mod request;
mod server;
mod session;
mod sys;
mod volume;
mod waiters;
mod watch;

pub use errno::Errno;
pub use name::Name;
pub use options::{Access, CacheTimes, Owner, ShareOptions};
pub use server::{FileServer, ServeError};
pub use sys::*;
pub use volume::{
    DirectoryEntry, FileLock, Found, Kind, LockKind, LockSpace, Metadata, NodeKey, OpenMode, RenameMode,
    Seek, Statistics, Time, TimeChange, Volume, XattrMode,
};
pub use watch::{Watch, WatchError};

/// Entrances for the fuzz targets in `fuzz/`. No part of the interface.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::request::fuzz_request;
}
