//! Opens sockets toward containers.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpSocket, TcpStream, UdpSocket},
    time::timeout,
};

/// A container that drops the first packet is tried for as long as browsers do; the kernel's own limit is two minutes.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// Connects.
pub async fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    connected(TcpStream::connect(address)).await
}

/// Connects the first of the sockets that can be. Fails as the first one did.
pub async fn first_of(sockets: Vec<(TcpSocket, SocketAddr)>) -> io::Result<TcpStream> {
    let mut first_error = None;
    for (socket, address) in sockets {
        match connected(socket.connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

/// A socket for one peer.
pub async fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(any(address)).await?;
    socket.connect(address).await?;
    Ok(socket)
}

/// The unspecified address of the same family, and any port.
pub fn any(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

async fn connected(connecting: impl Future<Output = io::Result<TcpStream>>) -> io::Result<TcpStream> {
    let stream = timeout(CONNECT_LIMIT, connecting)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // What comes from the host was gathered there already.
    stream.set_nodelay(true)?;
    Ok(stream)
}
