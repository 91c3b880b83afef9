//! What differs between hosts: how paths are written, what tells a folder from another one.

#[cfg(unix)]
#[path = "sys/unix.rs"]
mod os;
#[cfg(windows)]
#[path = "sys/windows.rs"]
mod os;

pub(super) use os::{CASE, Identity, STYLE, identity, resolve, wanted_guest_path};

#[cfg(test)]
pub(super) use os::link;
