//! What Windows wants of sockets at host ports.
#![expect(unsafe_code, reason = "exclusive use has no safe face")]

use std::{io, net::SocketAddr, os::windows::io::AsRawSocket, ptr};

use socket2::Socket;
use windows_sys::Win32::Networking::WinSock::{
    SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, WSAEAFNOSUPPORT, setsockopt,
};

use crate::PortKind;

/// The system has no such family of addresses.
pub const NO_FAMILY: i32 = WSAEAFNOSUPPORT;

/// Keeps other programs from taking the port over, which Windows allows otherwise.
pub fn prepare(socket: &Socket, _kind: PortKind) -> io::Result<()> {
    let on = 1i32;
    // SAFETY: an open socket, and a number of the length that is said.
    let result = unsafe {
        setsockopt(
            socket.as_raw_socket() as SOCKET,
            SOL_SOCKET,
            SO_EXCLUSIVEADDRUSE,
            ptr::from_ref(&on).cast(),
            size_of::<i32>() as i32,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// See [`crate::denied_port_hint`].
pub fn denied_hint(_port: u16) -> String {
    "Windows may have set the port aside: see `netsh interface ipv4 show excludedportrange protocol=tcp`, or use another \
     host port"
        .to_owned()
}

/// Another address to bind when the asked one is denied. There is none.
pub fn stand_in(_asked: SocketAddr) -> Option<SocketAddr> {
    None
}
