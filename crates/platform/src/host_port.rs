//! Sockets at ports of the host that strangers connect to.
//!
//! Exactly what is asked for is bound, or nothing: a port is never shared with another program, and an IPv6 address never
//! brings the IPv4 one along.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::sys::os;

/// Connections that may wait to be accepted. The OS may allow fewer.
const BACKLOG: i32 = 1024;

/// The transport that a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortKind {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A socket at a port of the host, and who may use it.
#[derive(Debug)]
pub struct HostPort<S> {
    /// The socket.
    pub socket: S,
    /// What was asked for, with the port that was chosen where any was wanted.
    pub address: SocketAddr,
    /// Whether only peers on this host may use it, though the socket hears others too.
    loopback_only: bool,
}

impl<S> HostPort<S> {
    /// Whether a peer may use it. What others send is to be dropped.
    pub fn admits(&self, peer: IpAddr) -> bool {
        !self.loopback_only || peer.to_canonical().is_loopback()
    }
}

/// Listens at an address; port 0 is any that is free. Call it on a tokio runtime.
///
/// macOS lets users have a port below 1024 on all addresses but not on one: then the socket hears all, and
/// [`HostPort::admits`] tells who counts.
pub fn bind_tcp(address: SocketAddr) -> io::Result<HostPort<TcpListener>> {
    let (socket, address, loopback_only) = bind(PortKind::Tcp, address)?;
    socket.listen(BACKLOG)?;
    let socket = TcpListener::from_std(socket.into())?;
    Ok(HostPort {
        socket,
        address,
        loopback_only,
    })
}

/// Receives datagrams at an address, as [`bind_tcp`] does.
pub fn bind_udp(address: SocketAddr) -> io::Result<HostPort<UdpSocket>> {
    let (socket, address, loopback_only) = bind(PortKind::Udp, address)?;
    let socket = UdpSocket::from_std(socket.into())?;
    Ok(HostPort {
        socket,
        address,
        loopback_only,
    })
}

/// Whether binding failed because this host does not have the address, or none of its family.
pub fn is_no_address(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(os::host_port::NO_FAMILY)
}

/// What a user can do about a port that the OS did not give away though nobody has it.
pub fn denied_port_hint(port: u16) -> String {
    os::host_port::denied_hint(port)
}

fn bind(kind: PortKind, asked: SocketAddr) -> io::Result<(Socket, SocketAddr, bool)> {
    let (socket, loopback_only) = match (bind_exactly(kind, asked), os::host_port::stand_in(asked)) {
        (Err(error), Some(stand_in)) if error.kind() == io::ErrorKind::PermissionDenied => {
            (bind_exactly(kind, stand_in)?, true)
        }
        (bound, _) => (bound?, false),
    };
    let mut address = asked;
    if let Some(bound) = socket.local_addr()?.as_socket() {
        address.set_port(bound.port());
    }
    Ok((socket, address, loopback_only))
}

fn bind_exactly(kind: PortKind, address: SocketAddr) -> io::Result<Socket> {
    let (socket_type, protocol) = match kind {
        PortKind::Tcp => (Type::STREAM, Protocol::TCP),
        PortKind::Udp => (Type::DGRAM, Protocol::UDP),
    };
    let socket = Socket::new(Domain::for_address(address), socket_type, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    os::host_port::prepare(&socket, kind)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};

    use super::*;

    #[tokio::test]
    async fn bind_both_families_and_transports_at_one_port() {
        let four = bind_tcp((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let port = four.address.port();
        assert_ne!(port, 0);
        assert!(four.admits(Ipv4Addr::new(10, 0, 0, 1).into()));
        drop(TcpStream::connect(four.address).unwrap());
        let udp = bind_udp((Ipv4Addr::LOCALHOST, port).into()).unwrap();
        assert_eq!(udp.address.port(), port);
        // Every address of one family beside one of the other.
        match bind_tcp((Ipv6Addr::UNSPECIFIED, port).into()) {
            Ok(six) => {
                drop(TcpStream::connect(SocketAddr::from((Ipv6Addr::LOCALHOST, six.address.port()))).unwrap())
            }
            Err(error) => assert_ne!(error.kind(), io::ErrorKind::AddrInUse, "{error}"),
        }
    }

    #[tokio::test]
    async fn bind_taken_port_is_refused_until_it_is_free() {
        let first = bind_tcp((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = first.address;
        for again in [address, (Ipv4Addr::UNSPECIFIED, address.port()).into()] {
            assert_eq!(bind_tcp(again).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        }
        // One that a client has used can be had again at once.
        let client = TcpStream::connect(address).unwrap();
        let (served, _) = first.socket.accept().await.unwrap();
        drop((served, first, client));
        bind_tcp(address).unwrap();
        let udp = bind_udp((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        assert_eq!(
            bind_udp(udp.address).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }

    #[tokio::test]
    async fn bind_address_of_nobody_is_refused() {
        let elsewhere = SocketAddr::from(([192, 0, 2, 7], 0));
        let error = bind_tcp(elsewhere).unwrap_err();
        assert!(is_no_address(&error), "{error}");
    }

    #[test]
    fn admits_only_this_host_where_the_socket_stands_in() {
        let port = HostPort {
            socket: (),
            address: (Ipv4Addr::LOCALHOST, 80).into(),
            loopback_only: true,
        };
        assert!(port.admits(Ipv4Addr::new(127, 1, 2, 3).into()));
        assert!(port.admits(Ipv6Addr::LOCALHOST.into()));
        assert!(port.admits(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()));
        assert!(!port.admits(Ipv4Addr::new(192, 168, 0, 9).into()));
    }
}
