//! Sockets at host ports.

use std::io;

use socket2::Socket;

use crate::PortKind;

/// The kernel has no such family of addresses.
pub const NO_FAMILY: i32 = libc::EAFNOSUPPORT;

/// Lets a port be had again while connections of an earlier listener fade out. It takes no port from a listener. A socket
/// for datagrams would share its port by it.
pub fn prepare(socket: &Socket, kind: PortKind) -> io::Result<()> {
    match kind {
        PortKind::Tcp => socket.set_reuse_address(true),
        PortKind::Udp => Ok(()),
    }
}
