//! The few rtnetlink(7) requests that it takes to bring an interface up: link up, add address, add route.
//!
//! ```text
//!   nlmsghdr: length u32, type u16, flags u16, sequence u32, port u32     native byte order
//!   then the request's fixed part, then attributes: length u16, type u16, bytes, padded to 4
//! ```
//! Numbers are from linux/netlink.h and linux/rtnetlink.h.

use std::net::Ipv4Addr;

use anyhow::{Context, bail};
use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink::SocketAddrNetlink, recv,
        sendto, socket_with,
    },
};

const NLMSG_ERROR: u16 = 2;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_NEWROUTE: u16 = 24;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_CREATE: u16 = 0x400;
const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const IFF_UP: u32 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_BOOT: u8 = 3;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RTN_UNICAST: u8 = 1;
const HEADER_BYTES: usize = 16;

/// A route netlink socket.
#[derive(Debug)]
pub struct RouteSocket {
    socket: OwnedFd,
    sequence: u32,
}

impl RouteSocket {
    /// Opens one.
    pub fn open() -> anyhow::Result<Self> {
        // No protocol means protocol 0, which is NETLINK_ROUTE.
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            None,
        )
        .context("failed to open a netlink socket")?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Brings an interface up.
    pub fn link_up(&mut self, interface: u32) -> anyhow::Result<()> {
        let mut body = vec![AF_UNSPEC, 0, 0, 0];
        body.extend(interface.to_ne_bytes());
        body.extend(IFF_UP.to_ne_bytes());
        body.extend(IFF_UP.to_ne_bytes());
        self.ask(RTM_NEWLINK, 0, body)
            .context("failed to bring the interface up")
    }

    /// Gives an interface an IPv4 address.
    pub fn add_address(&mut self, interface: u32, address: Ipv4Addr, prefix: u8) -> anyhow::Result<()> {
        let body = address_body(interface, address, prefix);
        self.ask(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body)
            .context("failed to add the address")
    }

    /// Takes an IPv4 address from an interface.
    pub fn remove_address(&mut self, interface: u32, address: Ipv4Addr, prefix: u8) -> anyhow::Result<()> {
        self.ask(RTM_DELADDR, 0, address_body(interface, address, prefix))
            .context("failed to remove the address")
    }

    /// Sets the default route.
    pub fn set_default_route(&mut self, interface: u32, gateway: Ipv4Addr) -> anyhow::Result<()> {
        let mut body = vec![
            AF_INET,
            0,
            0,
            0,
            RT_TABLE_MAIN,
            RTPROT_BOOT,
            RT_SCOPE_UNIVERSE,
            RTN_UNICAST,
            0,
            0,
            0,
            0,
        ];
        attribute(&mut body, RTA_GATEWAY, &gateway.octets());
        attribute(&mut body, RTA_OIF, &interface.to_ne_bytes());
        self.ask(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body)
            .context("failed to set the default route")
    }

    fn ask(&mut self, kind: u16, flags: u16, body: Vec<u8>) -> anyhow::Result<()> {
        self.sequence += 1;
        let message = message(kind, flags | NLM_F_REQUEST | NLM_F_ACK, self.sequence, &body)?;
        sendto(
            &self.socket,
            &message,
            SendFlags::empty(),
            &SocketAddrNetlink::new(0, 0),
        )?;
        let mut answer = [0; 4096];
        let (length, _) = recv(&self.socket, &mut answer[..], RecvFlags::empty())?;
        match acknowledged(&answer[..length.min(4096)]) {
            Some(0) => Ok(()),
            Some(code) => Err(std::io::Error::from_raw_os_error(-code).into()),
            None => bail!("the kernel's answer is no acknowledgement"),
        }
    }
}

fn address_body(interface: u32, address: Ipv4Addr, prefix: u8) -> Vec<u8> {
    let mut body = vec![AF_INET, prefix, 0, RT_SCOPE_UNIVERSE];
    body.extend(interface.to_ne_bytes());
    let host_bits = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    attribute(&mut body, IFA_LOCAL, &address.octets());
    attribute(&mut body, IFA_ADDRESS, &address.octets());
    attribute(
        &mut body,
        IFA_BROADCAST,
        &(u32::from(address) | host_bits).to_be_bytes(),
    );
    body
}

fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let length = u32::try_from(HEADER_BYTES + body.len()).context("the request is too long")?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(body);
    Ok(bytes)
}

/// Adds an attribute of 4 bytes; all that are used here have 4.
fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8; 4]) {
    body.extend(8_u16.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
}

/// The code in an acknowledgement: 0, or a negative errno. `None` when it is none.
fn acknowledged(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(HEADER_BYTES..HEADER_BYTES + 4)?.try_into().ok()?);
    (kind == NLMSG_ERROR).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_body_has_local_peer_and_broadcast() {
        let body = address_body(2, Ipv4Addr::new(10, 0, 2, 15), 24);
        assert_eq!(body.len(), 8 + 3 * 8);
        assert_eq!(body[..4], [2, 24, 0, 0]);
        assert_eq!(body[28..], [10, 0, 2, 255]);
    }

    #[test]
    fn message_begins_with_its_length() {
        let bytes = message(RTM_NEWLINK, 5, 9, &[0; 16]).unwrap();
        assert_eq!(bytes[..4], 32_u32.to_ne_bytes());
        assert_eq!(bytes.len(), 32);
    }

    #[test]
    fn acknowledged_short_or_other_answers_are_none() {
        assert_eq!(acknowledged(&[0; 10]), None);
        assert_eq!(acknowledged(&[0; 40]), None);
        let mut answer = message(NLMSG_ERROR, 0, 1, &(-17_i32).to_ne_bytes()).unwrap();
        assert_eq!(acknowledged(&answer), Some(-17));
        answer.truncate(18);
        assert_eq!(acknowledged(&answer), None);
    }

    #[test]
    fn link_up_of_no_interface_is_an_error_not_a_panic() {
        assert!(RouteSocket::open().unwrap().link_up(u32::MAX >> 1).is_err());
    }
}
