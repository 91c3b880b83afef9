//! Descriptors that the runtime watches.
#![expect(unsafe_code, reason = "registering a file descriptor has no safe form")]

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// Has the runtime watch a descriptor.
pub fn watched(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned and is neither replaced nor closed while it is registered.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, interest) }?)
}
