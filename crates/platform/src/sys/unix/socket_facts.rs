//! Sockets as macOS's libproc tells them: `struct socket_fdinfo` (<sys/proc_info.h>), by its offsets.
//!
//! ```text
//!     0  proc_fileinfo              24 bytes
//!    24  socket_info                vinfo_stat of 136 bytes, then counters
//!   256    soi_kind                 i32: 1 other internet sockets, 2 TCP
//!   264    in_sockinfo              4 local port, in network order; 24 vflag; 48 local address
//!   344    tcpsi_state              i32: 1 listens
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::PortKind;

const KIND: usize = 24 + 232;
const KIND_INTERNET: i32 = 1;
const KIND_TCP: i32 = 2;
const LOCAL_PORT: usize = 24 + 240 + 4;
const FLAGS: usize = 24 + 240 + 24;
/// `INI_IPV6`.
const IS_IPV6: u8 = 2;
const LOCAL_ADDRESS: usize = 24 + 240 + 48;
const STATE: usize = 24 + 240 + 80;
/// `TSI_S_LISTEN`.
const LISTENS: i32 = 1;

/// `IPPROTO_UDP`; raw sockets have the same kind.
const UDP: i32 = 17;
const PROTOCOL: usize = 24 + 156;

/// The address that a socket keeps others from binding; `None` if it is of another kind, or has none.
pub fn held(facts: &[u8], kind: PortKind) -> Option<SocketAddr> {
    let number = |at: usize| Some(i32::from_ne_bytes(facts.get(at..at + 4)?.try_into().ok()?));
    let matches = match kind {
        PortKind::Tcp => number(KIND)? == KIND_TCP && number(STATE)? == LISTENS,
        PortKind::Udp => number(KIND)? == KIND_INTERNET && number(PROTOCOL)? == UDP,
    };
    if !matches {
        return None;
    }
    // A 16-bit number in network order, kept in an int.
    let port = u16::from_be((number(LOCAL_PORT)? & 0xffff) as u16);
    let address: [u8; 16] = facts.get(LOCAL_ADDRESS..LOCAL_ADDRESS + 16)?.try_into().ok()?;
    let ip: IpAddr = if *facts.get(FLAGS)? & IS_IPV6 != 0 {
        Ipv6Addr::from(address).into()
    } else {
        let [.., a, b, c, d] = address;
        Ipv4Addr::new(a, b, c, d).into()
    };
    (port != 0).then(|| SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: i32, state: i32, protocol: i32) -> Vec<u8> {
        let mut facts = vec![0; 792];
        let mut set = |at: usize, bytes: &[u8]| facts[at..at + bytes.len()].copy_from_slice(bytes);
        set(KIND, &kind.to_ne_bytes());
        set(STATE, &state.to_ne_bytes());
        set(PROTOCOL, &protocol.to_ne_bytes());
        set(LOCAL_PORT, &i32::from(8080u16.to_be()).to_ne_bytes());
        set(LOCAL_ADDRESS + 12, &[127, 0, 0, 1]);
        facts
    }

    #[test]
    fn held_is_the_address_of_a_listener_or_a_datagram_socket() {
        let expected = "127.0.0.1:8080".parse().ok();
        assert_eq!(held(&facts(KIND_TCP, LISTENS, 6), PortKind::Tcp), expected);
        assert_eq!(held(&facts(KIND_TCP, 4, 6), PortKind::Tcp), None);
        assert_eq!(held(&facts(KIND_INTERNET, 0, UDP), PortKind::Udp), expected);
        assert_eq!(held(&facts(KIND_INTERNET, 0, 1), PortKind::Udp), None);
        let mut six = facts(KIND_TCP, LISTENS, 6);
        six[FLAGS] = IS_IPV6;
        six[LOCAL_ADDRESS..LOCAL_ADDRESS + 16].copy_from_slice(&Ipv6Addr::LOCALHOST.octets());
        assert_eq!(held(&six, PortKind::Tcp), "[::1]:8080".parse().ok());
        for length in [0, KIND + 3, STATE + 3] {
            assert_eq!(held(&six[..length], PortKind::Tcp), None, "{length}");
        }
    }
}
