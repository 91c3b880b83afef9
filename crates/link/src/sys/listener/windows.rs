//! A loopback TCP port. QEMU's Unix sockets are of no use to it on Windows; who the peer is tells the TCP table.
#![expect(
    unsafe_code,
    reason = "the TCP table is only reachable through the Windows API"
)]

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};

use tokio::net::TcpListener;
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCPROW_OWNER_PID, TCP_TABLE_OWNER_PID_ALL,
};
use windows_sys::Win32::Networking::WinSock::AF_INET;

use super::{ExpectedPid, HostAddress};
use crate::RawStream;

#[derive(Debug)]
pub(super) struct Bound {
    listener: StdTcpListener,
}

impl Bound {
    pub(super) fn bind(address: &HostAddress) -> io::Result<(Self, HostAddress)> {
        let HostAddress::Tcp(address) = address;
        if !address.ip().is_loopback() || !address.is_ipv4() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a lane listens on IPv4 loopback only",
            ));
        }
        let listener = StdTcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = HostAddress::Tcp(listener.local_addr()?);
        Ok((Self { listener }, address))
    }

    pub(super) async fn accept(&mut self, expected: &ExpectedPid) -> io::Result<RawStream> {
        let listener = TcpListener::from_std(self.listener.try_clone()?)?;
        loop {
            let (stream, peer) = listener.accept().await?;
            if let Some(expected) = expected.get() {
                let owner = owner_of(peer, stream.local_addr()?)?;
                if owner != Some(expected) {
                    tracing::warn!(?owner, expected, "refused a peer that is another process");
                    continue;
                }
            }
            stream.set_nodelay(true)?;
            return Ok(Box::new(stream));
        }
    }
}

/// The process that owns the connection's other end. `None` when the table does not list it (any more).
fn owner_of(peer: SocketAddr, ours: SocketAddr) -> io::Result<Option<u32>> {
    let (SocketAddr::V4(peer), SocketAddr::V4(ours)) = (peer, ours) else {
        return Ok(None);
    };
    let table = tcp_table()?;
    Ok(table
        .iter()
        .find(|row| {
            // Addresses and ports are in network byte order; a port sits in the low 16 bits.
            row.dwLocalAddr.to_ne_bytes() == peer.ip().octets()
                && row.dwRemoteAddr.to_ne_bytes() == ours.ip().octets()
                && row.dwLocalPort as u16 == peer.port().to_be()
                && row.dwRemotePort as u16 == ours.port().to_be()
        })
        .map(|row| row.dwOwningPid))
}

fn tcp_table() -> io::Result<Vec<MIB_TCPROW_OWNER_PID>> {
    const ROW_BYTES: usize = size_of::<MIB_TCPROW_OWNER_PID>();
    // The table starts with a u32 count; u32 elements keep it aligned for its rows, which are all u32 fields.
    let mut buffer = vec![0_u32; 4096];
    loop {
        let mut size_bytes = (buffer.len() * 4) as u32;
        // SAFETY: the buffer is writable for `size_bytes` bytes and aligned to 4; the call writes at most that.
        let status = unsafe {
            GetExtendedTcpTable(
                buffer.as_mut_ptr().cast(),
                &mut size_bytes,
                0,
                u32::from(AF_INET),
                TCP_TABLE_OWNER_PID_ALL,
                0,
            )
        };
        match status {
            NO_ERROR => break,
            // It grows while one looks: some slack ends the race.
            ERROR_INSUFFICIENT_BUFFER => buffer.resize(size_bytes as usize / 4 + 1024, 0),
            code => return Err(io::Error::from_raw_os_error(code as i32)),
        }
    }
    let count = (buffer[0] as usize).min((buffer.len() - 1) * 4 / ROW_BYTES);
    let rows = buffer[1..].as_ptr().cast::<MIB_TCPROW_OWNER_PID>();
    // SAFETY: `count` rows of plain u32 fields were written after the count and lie inside the buffer (see `min`).
    Ok((0..count)
        .map(|index| unsafe { rows.add(index).read() })
        .collect())
}
