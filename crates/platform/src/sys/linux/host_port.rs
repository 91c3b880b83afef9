//! What Linux wants of sockets at host ports.

use std::net::SocketAddr;

pub use crate::sys::unix::host_port::{NO_FAMILY, prepare};

/// See [`crate::denied_port_hint`].
pub fn denied_hint(port: u16) -> String {
    format!(
        "low ports need a privilege here: run `sudo sysctl net.ipv4.ip_unprivileged_port_start={port}`, or use a host \
         port from 1024 on"
    )
}

/// Another address to bind when the asked one is denied. There is none.
pub fn stand_in(_asked: SocketAddr) -> Option<SocketAddr> {
    None
}
