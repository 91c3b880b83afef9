//! Which addresses of a network lead to its own programs, and sockets toward a port there. All of this looks at the
//! network that the calling thread is in.

use std::{
    fs::File,
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use anyhow::Context;
use protocol::Transport;
use tokio::net::TcpSocket;

use super::dial::any;
use crate::listeners::{Table, read_table};

/// A container has one or two addresses in each of its networks.
const MAX_ADDRESSES: usize = 32;
/// Some lines for each address.
const LONGEST_TABLE_BYTES: u64 = 1 << 20;

/// Sockets toward a port, in the order in which they are to be tried.
pub fn tcp_sockets(port: u16) -> anyhow::Result<Vec<(TcpSocket, SocketAddr)>> {
    let mut sockets = Vec::new();
    for address in addresses() {
        let socket = match address {
            IpAddr::V4(_) => TcpSocket::new_v4(),
            IpAddr::V6(_) => TcpSocket::new_v6(),
        };
        match socket {
            Ok(socket) => sockets.push((socket, SocketAddr::new(address, port))),
            // A kernel without IPv6.
            Err(error) if address.is_ipv6() => tracing::debug!(%error, "no IPv6 in the container"),
            Err(error) => return Err(error).context("failed to make a socket in the container's network"),
        }
    }
    Ok(sockets)
}

/// A socket that is connected to who listens on the port; to the localhost of IPv4 when nobody does yet.
pub fn udp_socket(port: u16) -> anyhow::Result<UdpSocket> {
    let address = udp_address(port);
    let open = || {
        let socket = UdpSocket::bind(any(address))?;
        socket.connect(address)?;
        socket.set_nonblocking(true)?;
        io::Result::Ok(socket)
    };
    open().context("failed to make a socket in the container's network")
}

fn udp_address(port: u16) -> SocketAddr {
    let bound = [Table::Udp4, Table::Udp6].map(|table| read_table("/proc/thread-self/net", table));
    let bound = bound.into_iter().flatten();
    let bound: Vec<SocketAddr> = bound
        .filter(|row| row.transport() == Transport::Udp && row.local.port() == port)
        .map(|row| row.local)
        .collect();
    chosen(&bound, port)
}

/// Of the addresses that are bound on a port, the one to send to: a localhost first.
fn chosen(bound: &[SocketAddr], port: u16) -> SocketAddr {
    let reached = |bound: &SocketAddr| match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let mut all: Vec<IpAddr> = bound.iter().map(reached).collect();
    all.sort_by_key(|ip| (!ip.is_loopback(), ip.is_ipv6()));
    SocketAddr::new(all.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into()), port)
}

/// Both localhosts, then the network's own addresses.
fn addresses() -> Vec<IpAddr> {
    let mut all = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    all.extend(own_v4(&read("/proc/thread-self/net/fib_trie")).map(IpAddr::from));
    all.extend(own_v6(&read("/proc/thread-self/net/if_inet6")).map(IpAddr::from));
    let mut seen = std::collections::HashSet::new();
    all.retain(|address| seen.insert(*address));
    all.truncate(MAX_ADDRESSES);
    all
}

/// The local addresses in the text of `fib_trie` (kernel, net/ipv4/fib_trie.c): a leaf `|-- ADDRESS`, then the routes
/// that end there.
fn own_v4(text: &str) -> impl Iterator<Item = Ipv4Addr> {
    let mut leaf = None;
    text.lines().filter_map(move |line| {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        }
        line.starts_with("/32 host LOCAL").then_some(leaf).flatten()
    })
}

/// The addresses in the text of `if_inet6` (kernel, net/ipv6/addrconf.c): 32 hex digits, then index, length, scope.
/// Those of a link are left out: they mean nothing without it.
fn own_v6(text: &str) -> impl Iterator<Item = Ipv6Addr> {
    text.lines().filter_map(|line| {
        let address = u128::from_str_radix(line.split_ascii_whitespace().next()?, 16).ok()?;
        Some(Ipv6Addr::from(address)).filter(|address| !address.is_unicast_link_local())
    })
}

/// The text of a small file of the kernel; none when there is no such.
fn read(path: &str) -> String {
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(LONGEST_TABLE_BYTES).read_to_string(&mut text)) {
        Ok(_) => text,
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_v4_takes_local_addresses_and_no_broadcasts() {
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     +-- 172.17.0.0/16 2 0 2\n\
             \x20       |-- 172.17.0.2\n           /32 host LOCAL\n        |-- 172.17.255.255\n           /32 link BROADCAST\n";
        assert_eq!(own_v4(text).collect::<Vec<_>>(), [Ipv4Addr::new(172, 17, 0, 2)]);
        assert_eq!(own_v4("/32 host LOCAL\n|-- x\n/32 host LOCAL\n").count(), 0);
    }

    #[test]
    fn own_v6_takes_all_but_those_of_a_link() {
        let text = "00000000000000000000000000000001 01 80 10 80       lo\n\
                    fe800000000000000042acfffe110002 0a 40 20 80     eth0\n\
                    fd000000000000000000000000000002 0a 40 00 80     eth0\nxyz\n\n";
        let expected: [Ipv6Addr; 2] = ["::1".parse().unwrap(), "fd00::2".parse().unwrap()];
        assert_eq!(own_v6(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn addresses_begin_with_both_localhosts_and_name_each_once() {
        let all = addresses();
        assert_eq!(
            all[..2],
            [IpAddr::from([127, 0, 0, 1]), IpAddr::from(Ipv6Addr::LOCALHOST)]
        );
        let mut sorted = all.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), all.len());
    }

    #[test]
    fn chosen_prefers_a_localhost_of_ipv4() {
        for (bound, expected) in [
            (vec![], "127.0.0.1:53"),
            (vec!["[::]:53", "0.0.0.0:53"], "127.0.0.1:53"),
            (vec!["[::]:53"], "[::1]:53"),
            (vec!["172.17.0.2:53", "[::1]:53"], "[::1]:53"),
            (vec!["172.17.0.2:53"], "172.17.0.2:53"),
        ] {
            let bound: Vec<SocketAddr> = bound.into_iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(chosen(&bound, 53), expected.parse().unwrap(), "{bound:?}");
        }
    }

    #[test]
    fn udp_address_is_where_a_server_of_this_network_listens() {
        let server = UdpSocket::bind("127.0.0.2:0").unwrap();
        let address = server.local_addr().unwrap();
        assert_eq!(udp_address(address.port()), address);
    }
}
