//! Who has a port of the host.

mod endpoint;

use std::net::SocketAddr;

pub(crate) use self::endpoint::overlap;
use crate::{PortKind, sys::os};

/// A process that has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortOwner {
    /// Its number.
    pub pid: u32,
    /// Its program's name, cut where the OS cuts it; empty where the OS does not tell.
    pub program: String,
}

/// Finds a process that keeps an address from being bound: one that has the port on it, or on all addresses. Looks at
/// every process of the host: takes milliseconds, and more on a busy one, so call it off the runtime's threads.
///
/// `None` where there is none, or where the OS does not tell: on Linux and macOS of processes of other users.
pub fn port_owner(kind: PortKind, address: SocketAddr) -> Option<PortOwner> {
    os::port_owner::find(kind, address)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn port_owner_of_our_own_sockets_is_us() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
        let [tcp_address, udp_address] = [tcp.local_addr().unwrap(), udp.local_addr().unwrap()];
        let asked = [
            (PortKind::Tcp, tcp_address),
            (PortKind::Tcp, ([0, 0, 0, 0], tcp_address.port()).into()),
            (PortKind::Udp, ([127, 0, 0, 1], udp_address.port()).into()),
        ];
        for (kind, address) in asked {
            let owner = port_owner(kind, address).unwrap();
            assert_eq!(owner.pid, std::process::id(), "{kind:?} {address}");
            assert!(!owner.program.is_empty());
        }
        assert_eq!(
            port_owner(PortKind::Tcp, ([127, 0, 0, 9], tcp_address.port()).into()),
            None
        );
        drop(tcp);
        assert_eq!(port_owner(PortKind::Tcp, tcp_address), None);
    }
}
