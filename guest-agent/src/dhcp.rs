//! A small DHCP client (RFC 2131, RFC 2132): discover, offer, request, acknowledge.
//!
//! ```text
//!   we ── DISCOVER ──► all        we ── REQUEST(address, server) ──► all
//!   we ◄── OFFER ───── server     we ◄── ACK / NAK ──────────────── server
//! ```
//! The broadcast flag is set, so that answers reach an ordinary UDP socket before there is an address.

use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use crate::network::Addresses;

const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;
const ANSWER_WAIT: Duration = Duration::from_millis(1500);
const ATTEMPTS: u32 = 8;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
const OPTIONS_AT: usize = 240;
const MIN_LEASE_S: u32 = 60;

const SUBNET_MASK: u8 = 1;
const ROUTER: u8 = 3;
const NAME_SERVER: u8 = 6;
const REQUESTED_ADDRESS: u8 = 50;
const LEASE_TIME: u8 = 51;
const MESSAGE_TYPE: u8 = 53;
const SERVER_ID: u8 = 54;
const PARAMETERS: u8 = 55;
const END: u8 = 255;

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;

/// An address for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What to configure.
    pub addresses: Addresses,
    seconds: u32,
}

impl Lease {
    /// When to ask again: at half of its time, as RFC 2131 section 4.4.5 says.
    pub fn renew_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds.max(MIN_LEASE_S)) / 2)
    }

    /// Makes the next attempt come sooner, after one that failed.
    pub fn shorten(&mut self) {
        self.seconds /= 2;
    }
}

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    kind: u8,
    server: Ipv4Addr,
    lease: Lease,
}

/// Gets a lease on an interface that is up. Blocks for at most about 24 s.
pub fn acquire(interface: &str) -> anyhow::Result<Lease> {
    let hardware = hardware_address(interface)?;
    let socket = open(interface).context("failed to open a DHCP socket")?;
    for _ in 0..ATTEMPTS {
        let mut id = [0; 4];
        rustix::rand::getrandom(&mut id[..], rustix::rand::GetRandomFlags::empty())?;
        socket.send_to(
            &encode(DISCOVER, id, hardware, &[]),
            (Ipv4Addr::BROADCAST, SERVER_PORT),
        )?;
        let Some(offer) = wait(&socket, id, OFFER)? else {
            continue;
        };
        let wanted = [
            (REQUESTED_ADDRESS, offer.lease.addresses.address.octets()),
            (SERVER_ID, offer.server.octets()),
        ];
        socket.send_to(
            &encode(REQUEST, id, hardware, &wanted),
            (Ipv4Addr::BROADCAST, SERVER_PORT),
        )?;
        if let Some(answer) = wait(&socket, id, ACK)? {
            return Ok(answer.lease);
        }
    }
    bail!("no DHCP server answered on {interface}")
}

fn open(interface: &str) -> anyhow::Result<UdpSocket> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_broadcast(&socket, true)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind_to_device(socket.as_fd(), interface)?;
    rustix::net::bind(
        &socket,
        &std::net::SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT),
    )?;
    Ok(UdpSocket::from(socket))
}

#[expect(unsafe_code, reason = "rustix has no SO_BINDTODEVICE")]
fn bind_to_device(socket: std::os::fd::BorrowedFd<'_>, interface: &str) -> std::io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let length = libc::socklen_t::try_from(interface.len()).map_err(std::io::Error::other)?;
    // SAFETY: the pointer and the length describe `interface`, which lives across the call; the kernel only reads it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            interface.as_ptr().cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

/// Waits for an answer of that kind to that transaction; others are passed over. A refusal ends the wait.
fn wait(socket: &UdpSocket, id: [u8; 4], kind: u8) -> anyhow::Result<Option<Answer>> {
    let end = Instant::now() + ANSWER_WAIT;
    let mut buffer = [0; 1500];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error).context("failed to read a DHCP answer"),
        };
        match decode(&buffer[..length], id) {
            Some(answer) if answer.kind == kind => return Ok(Some(answer)),
            Some(answer) if kind == ACK && answer.kind != OFFER => return Ok(None),
            _ => {}
        }
    }
}

fn encode(kind: u8, id: [u8; 4], hardware: [u8; 6], options: &[(u8, [u8; 4])]) -> Vec<u8> {
    let mut bytes = vec![0; OPTIONS_AT];
    // A request from Ethernet with addresses of 6 bytes; the broadcast flag.
    bytes[..3].copy_from_slice(&[1, 1, 6]);
    bytes[4..8].copy_from_slice(&id);
    bytes[10] = 0x80;
    bytes[28..34].copy_from_slice(&hardware);
    bytes[236..OPTIONS_AT].copy_from_slice(&COOKIE);
    bytes.extend([MESSAGE_TYPE, 1, kind]);
    for (option, value) in options {
        bytes.extend([*option, 4]);
        bytes.extend(value);
    }
    bytes.extend([PARAMETERS, 3, SUBNET_MASK, ROUTER, NAME_SERVER, END]);
    // BOOTP's smallest message (RFC 1542); some servers drop shorter ones.
    bytes.resize(bytes.len().max(300), 0);
    bytes
}

/// Reads an answer to the transaction. `None` for anything that is not one.
fn decode(bytes: &[u8], id: [u8; 4]) -> Option<Answer> {
    if *bytes.first()? != 2 || bytes.get(4..8)? != id || bytes.get(236..OPTIONS_AT)? != COOKIE {
        return None;
    }
    let address = Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(16..20)?).ok()?);
    let mut answer = Answer {
        kind: 0,
        server: Ipv4Addr::UNSPECIFIED,
        lease: Lease {
            addresses: Addresses {
                address,
                prefix: 24,
                gateway: None,
                name_servers: Vec::new(),
            },
            seconds: 3600,
        },
    };
    let mut rest = bytes.get(OPTIONS_AT..)?;
    while let [option, tail @ ..] = rest {
        match *option {
            0 => {
                rest = tail;
                continue;
            }
            END => break,
            _ => {}
        }
        let (length, tail) = tail.split_first()?;
        let value = tail.get(..usize::from(*length))?;
        rest = tail.get(usize::from(*length)..)?;
        let word = value.first_chunk::<4>().copied();
        match (*option, word) {
            (MESSAGE_TYPE, _) => answer.kind = *value.first()?,
            (SERVER_ID, Some(word)) => answer.server = word.into(),
            (SUBNET_MASK, Some(word)) => {
                answer.lease.addresses.prefix = u8::try_from(u32::from_be_bytes(word).leading_ones()).ok()?;
            }
            (ROUTER, Some(word)) => answer.lease.addresses.gateway = Some(word.into()),
            (LEASE_TIME, Some(word)) => answer.lease.seconds = u32::from_be_bytes(word),
            (NAME_SERVER, Some(_)) => {
                let servers = value.as_chunks::<4>().0;
                answer.lease.addresses.name_servers = servers.iter().map(|server| (*server).into()).collect();
            }
            _ => {}
        }
    }
    Some(answer)
}

fn hardware_address(interface: &str) -> anyhow::Result<[u8; 6]> {
    let path = format!("/sys/class/net/{interface}/address");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let mut bytes = [0; 6];
    let mut parts = text.trim().split(':');
    for byte in &mut bytes {
        let part = parts
            .next()
            .with_context(|| format!("{path} holds no Ethernet address"))?;
        *byte = u8::from_str_radix(part, 16).with_context(|| format!("{path} holds no Ethernet address"))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS_AT];
        bytes[0] = 2;
        bytes[4..8].copy_from_slice(&[1, 2, 3, 4]);
        bytes[16..20].copy_from_slice(&[192, 168, 64, 5]);
        bytes[236..240].copy_from_slice(&COOKIE);
        bytes.extend(options);
        bytes
    }

    #[test]
    fn decode_offer_gives_all_options() {
        let bytes = answer(&[
            53, 1, 2, 0, 54, 4, 192, 168, 64, 1, 1, 4, 255, 255, 240, 0, 3, 4, 192, 168, 64, 1, 6, 8, 1, 1,
            1, 1, 9, 9, 9, 9, 51, 4, 0, 0, 14, 16, 255,
        ]);
        let answer = decode(&bytes, [1, 2, 3, 4]).unwrap();
        assert_eq!(answer.kind, OFFER);
        assert_eq!(answer.server, Ipv4Addr::new(192, 168, 64, 1));
        assert_eq!(answer.lease.addresses.prefix, 20);
        assert_eq!(answer.lease.addresses.name_servers.len(), 2);
        assert_eq!(answer.lease.renew_after(), Duration::from_secs(1800));
    }

    #[test]
    fn decode_foreign_or_broken_bytes_give_none() {
        let whole = answer(&[53, 1, 2, 1, 4, 255, 255, 255, 0, 255]);
        assert!(decode(&whole, [9, 9, 9, 9]).is_none());
        for length in 0..OPTIONS_AT {
            assert!(decode(&whole[..length], [1, 2, 3, 4]).is_none());
        }
        assert!(decode(&answer(&[53, 200, 1]), [1, 2, 3, 4]).is_none());
        assert!(decode(&answer(&[53]), [1, 2, 3, 4]).is_none());
    }

    #[test]
    fn encode_request_has_its_options_and_minimum_size() {
        let bytes = encode(
            REQUEST,
            [1, 2, 3, 4],
            [2; 6],
            &[(REQUESTED_ADDRESS, [10, 0, 0, 2])],
        );
        assert_eq!(bytes.len(), 300);
        assert_eq!(bytes[240..249], [53, 1, 3, 50, 4, 10, 0, 0, 2]);
    }
}
