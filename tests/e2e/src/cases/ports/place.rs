//! Ports and addresses of this host that nothing else uses.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    ops::Range,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Context, Result, ensure};

use crate::{Home, Invocation};

/// Below the ports that systems give to clients, above the ones that need privileges: one half for the group that runs
/// beside the others, one for these.
const PORTS: [Range<u16>; 2] = [20_000..25_000, 25_000..30_000];
/// Only processes with privileges bind these; few programs do.
const PRIVILEGED: [Range<u16>; 2] = [700..850, 850..1_000];

/// Of the two halves, the one for this run.
fn half(ports: [Range<u16>; 2]) -> Range<u16> {
    let [others, beside] = ports;
    let is_beside = std::env::var_os("PINNACE_E2E_PORTS").is_some_and(|name| name == "beside");
    if is_beside { beside } else { others }
}

/// How far the choice went. Begins elsewhere in each run, so that two at once seldom meet.
static TAKEN: AtomicU16 = AtomicU16::new(0);

/// The addresses that `localhost` means here.
pub fn localhosts() -> Vec<IpAddr> {
    let mut found = vec![Ipv4Addr::LOCALHOST.into()];
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        found.push(Ipv6Addr::LOCALHOST.into());
    }
    found
}

/// Addresses of this host that `localhost` is not: one of the loopback network, and the one that others know it by.
pub fn other_addresses() -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = vec![Ipv4Addr::new(127, 0, 0, 2).into()];
    let outward = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        // A documentation address: nothing is sent, the system only chooses the way.
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    found.extend(outward.ok().map(|address| address.ip()));
    found
}

/// A port that is free at every address, for TCP and UDP.
pub fn free_port() -> Result<u16> {
    free_ports(1)
}

/// The first of so many free ports in a row.
pub fn free_ports(count: u16) -> Result<u16> {
    let ports = half(PORTS);
    let span = ports.end - ports.start;
    for _ in 0..span / count {
        let step = TAKEN.fetch_add(count, Ordering::Relaxed);
        let offset = (u32::from(step) + std::process::id() * 211) % u32::from(span - count);
        let first = ports.start + u16::try_from(offset)?;
        if (first..first + count).all(is_free) {
            return Ok(first);
        }
    }
    anyhow::bail!("no {count} free ports in a row in {ports:?}")
}

/// A free port that only a process with privileges may bind.
pub fn free_privileged_port() -> Result<u16> {
    let ports = half(PRIVILEGED);
    ports
        .clone()
        .find(|port| is_free(*port))
        .with_context(|| format!("no free port in {ports:?}"))
}

/// Whether nobody has a port, at any address.
pub fn is_free(port: u16) -> bool {
    let wildcard = |ip: IpAddr| SocketAddr::new(ip, port);
    // Linux binds a wildcard of IPv6 for IPv4 too.
    let wildcard = match localhosts().len() {
        1 => wildcard(Ipv4Addr::UNSPECIFIED.into()),
        _ => wildcard(Ipv6Addr::UNSPECIFIED.into()),
    };
    TcpListener::bind(wildcard).is_ok() && UdpSocket::bind(wildcard).is_ok()
}

/// An address of this host outside of the loopback network, on its loopback interface. Dropping it removes it.
pub struct ExtraAddress<'a> {
    home: &'a Home,
    /// The address.
    pub ip: IpAddr,
}

impl<'a> ExtraAddress<'a> {
    /// Adds the address.
    pub fn add(home: &'a Home, ip: IpAddr) -> Result<Self> {
        let address = Self { home, ip };
        address.change("add")?;
        ensure!(
            TcpListener::bind((ip, 0)).is_ok(),
            "{ip} was added and cannot be bound"
        );
        Ok(address)
    }

    fn change(&self, action: &str) -> Result<()> {
        let mut ip: Command = self.home.command(Path::new("ip"));
        ip.args(["address", action, &format!("{}/32", self.ip), "dev", "lo"]);
        Invocation::new(ip, self.home.journal().clone())
            .run()?
            .success()?;
        Ok(())
    }
}

impl Drop for ExtraAddress<'_> {
    fn drop(&mut self) {
        let _ = self.change("del");
    }
}
