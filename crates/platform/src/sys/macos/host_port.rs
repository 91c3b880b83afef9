//! What macOS wants of sockets at host ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use crate::sys::unix::host_port::{NO_FAMILY, prepare};

/// The first port that needs no privilege on any address.
const FIRST_FREE: u16 = 1024;

/// See [`crate::denied_port_hint`].
pub fn denied_hint(_port: u16) -> String {
    "macOS lets users have a low port on localhost or on all addresses only: use one of those, or a host port from 1024 \
     on"
    .to_owned()
}

/// Another address to bind when the asked one is denied: all of its family, for a low port on localhost.
pub fn stand_in(asked: SocketAddr) -> Option<SocketAddr> {
    let all: IpAddr = match asked {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let low = (1..FIRST_FREE).contains(&asked.port());
    (low && asked.ip().is_loopback()).then(|| SocketAddr::new(all, asked.port()))
}
