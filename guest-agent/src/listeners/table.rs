//! The kernel's tables of sockets, as text (proc_net_tcp(5) and its like).

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use protocol::Transport;

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv4.
    Udp4,
    /// UDP over IPv6.
    Udp6,
}

/// A socket that waits for anybody: TCP that listens, UDP that is bound and has no peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// Where it was found.
    pub table: Table,
    /// What it is bound to.
    pub local: SocketAddr,
    /// Its number, as in the names of open files.
    pub inode: u64,
}

/// More rows are not looked at.
const MAX_ROWS: usize = 65_536;
/// States of a socket (kernel, include/net/tcp_states.h): TCP_LISTEN, and TCP_CLOSE, which is UDP's without a peer.
const LISTEN: &str = "0A";
const CLOSE: &str = "07";

impl Table {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tcp4, Self::Tcp6, Self::Udp4, Self::Udp6];

    fn name(self) -> &'static str {
        match self {
            Self::Tcp4 => "tcp",
            Self::Tcp6 => "tcp6",
            Self::Udp4 => "udp",
            Self::Udp6 => "udp6",
        }
    }

    fn waiting(self) -> &'static str {
        match self {
            Self::Tcp4 | Self::Tcp6 => LISTEN,
            Self::Udp4 | Self::Udp6 => CLOSE,
        }
    }
}

impl Row {
    /// Its transport.
    pub fn transport(&self) -> Transport {
        match self.table {
            Table::Tcp4 | Table::Tcp6 => Transport::Tcp,
            Table::Udp4 | Table::Udp6 => Transport::Udp,
        }
    }

    /// Reads a line. `None` for the head, for sockets that do not wait, and for what is no line of such a table.
    fn parse(table: Table, line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = endpoint(fields.next()?)?;
        let remote = endpoint(fields.next()?)?;
        let waits = fields.next()? == table.waiting() && remote.port() == 0 && local.port() != 0;
        // Queues, timer, retransmissions, user, timeout.
        let inode = fields.nth(5)?.parse().ok()?;
        waits.then_some(Self { table, local, inode })
    }
}

/// The sockets of a table that wait. None when the kernel has no such table. `folder` is `/proc/…/net`.
pub fn read_table(folder: impl AsRef<Path>, table: Table) -> Vec<Row> {
    let Ok(file) = File::open(folder.as_ref().join(table.name())) else {
        return Vec::new();
    };
    // A line at a time: busy machines have many connections, and few sockets that wait.
    BufReader::new(file)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| Row::parse(table, &line))
        .take(MAX_ROWS)
        .collect()
}

/// `HEX:PORT`: the address in 32-bit words of the machine's own byte order, the port as a number.
fn endpoint(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use proptest::prelude::*;

    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    fn check(table: Table, line: &str) -> Option<(String, u64)> {
        Row::parse(table, line).map(|row| (row.local.to_string(), row.inode))
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn parse_takes_what_waits() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7001 1 0 100 0 0 10 0";
        assert_eq!(check(Table::Tcp4, line), Some(("127.0.0.1:8080".into(), 7001)));
        let line = "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7002 1 0";
        assert_eq!(check(Table::Tcp6, line), Some(("[::1]:80".into(), 7002)));
        let line = " 420: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7003 2 0";
        assert_eq!(check(Table::Udp4, line), Some(("0.0.0.0:5353".into(), 7003)));
    }

    #[test]
    fn parse_leaves_the_rest_out() {
        assert_eq!(check(Table::Tcp4, HEAD), None);
        assert_eq!(check(Table::Tcp4, ""), None);
        let line = |state, remote| {
            format!(
                "0: 0100007F:1F90 0100007F:{remote} {state} 00000000:00000000 00:00000000 00000000 0 0 7001 1"
            )
        };
        assert!(check(Table::Tcp4, &line("0A", "0000")).is_some());
        assert_eq!(check(Table::Tcp4, &line("01", "0050")), None);
        assert_eq!(check(Table::Tcp4, &line("07", "0000")), None);
        assert!(check(Table::Udp4, &line("07", "0000")).is_some());
        assert_eq!(check(Table::Udp4, &line("01", "0035")), None);
        assert_eq!(
            check(Table::Tcp4, &line("0A", "0000").replace("7F:1F90", "7F:0000")),
            None
        );
    }

    #[test]
    fn read_table_has_our_own_sockets_and_not_those_with_a_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let rows: Vec<Row> = Table::ALL
            .into_iter()
            .flat_map(|table| read_table("/proc/thread-self/net", table))
            .collect();
        let has = |table, address| rows.iter().any(|row| row.table == table && row.local == address);
        assert!(has(Table::Tcp4, address));
        assert!(!has(Table::Tcp4, client.local_addr().unwrap()));
        assert!(has(Table::Udp4, server.local_addr().unwrap()));
        assert!(read_table("/missing", Table::Tcp4).is_empty());
    }

    fn hex_of(address: SocketAddr) -> String {
        let bytes = match address.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let words = bytes
            .chunks(4)
            .map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        let address_hex: String = words.map(|word| format!("{word:08X}")).collect();
        format!("{address_hex}:{:04X}", address.port())
    }

    proptest! {
        #[test]
        fn parse_never_panics(line in "\\PC{0,80}|[0-9A-F: é]{0,200}") {
            for table in Table::ALL {
                let _ = Row::parse(table, &line);
            }
        }

        #[test]
        fn parse_gives_back_what_the_kernel_writes(ip in any::<IpAddr>(), port in 1..=u16::MAX, inode in any::<u64>()) {
            let (local, none) = (SocketAddr::new(ip, port), if ip.is_ipv4() { "00000000:0000" } else { "00000000000000000000000000000000:0000" });
            let line = format!("  12: {} {none} 0A 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0", hex_of(local));
            let row = Row::parse(Table::Tcp6, &line).unwrap();
            prop_assert_eq!(row.local, SocketAddr::new(ip.to_canonical(), port));
            prop_assert_eq!(row.inode, inode);
        }
    }
}
