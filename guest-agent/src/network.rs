//! Gives the machine its addresses and name.

use std::{
    fs,
    net::Ipv4Addr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{dhcp, kernel_words::NetKind, netlink::RouteSocket};

const HOST_NAME: &str = "pinnace";
const CARD: &str = "eth0";
/// The card's module is loaded at the same time.
const CARD_DEADLINE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(5);
const RESOLV_CONF: &str = "/run/resolv.conf";

/// An IPv4 configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The machine's own.
    pub address: Ipv4Addr,
    /// Length of the network's prefix.
    pub prefix: u8,
    /// The default route's gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub name_servers: Vec<Ipv4Addr>,
}

/// What QEMU's user network gives to every machine (QEMU's documentation, "Using the user mode network stack").
fn slirp() -> Addresses {
    Addresses {
        address: Ipv4Addr::new(10, 0, 2, 15),
        prefix: 24,
        gateway: Some(Ipv4Addr::new(10, 0, 2, 2)),
        name_servers: vec![Ipv4Addr::new(10, 0, 2, 3)],
    }
}

/// Sets the host name. In a namespace of its own this does not touch the host's.
pub fn set_host_name() {
    if let Err(error) = rustix::system::sethostname(HOST_NAME.as_bytes()) {
        tracing::warn!(%error, "host name left as it is");
    }
}

/// Brings the loopback interface up.
pub fn bring_up_loopback() -> anyhow::Result<()> {
    let index = interface_index("lo").context("there is no loopback interface")?;
    RouteSocket::open()?.link_up(index)
}

/// Waits for the card and configures it. Blocks; for DHCP it returns with the first lease and renews it in a thread.
pub fn bring_up_card(kind: NetKind) -> anyhow::Result<()> {
    if kind == NetKind::None {
        return Ok(());
    }
    let end = Instant::now() + CARD_DEADLINE;
    let index = loop {
        match interface_index(CARD) {
            Some(index) => break index,
            None if Instant::now() < end => thread::sleep(POLL),
            None => bail!("no network card eth0 appeared"),
        }
    };
    let mut socket = RouteSocket::open()?;
    socket.link_up(index)?;
    if kind == NetKind::Slirp {
        return configure(index, &slirp());
    }
    let lease = dhcp::acquire(CARD)?;
    configure(index, &lease.addresses)?;
    thread::Builder::new()
        .name("dhcp".to_owned())
        .stack_size(256 * 1024)
        .spawn(move || keep_lease(index, lease))
        .context("failed to start the thread that renews the lease")?;
    Ok(())
}

fn keep_lease(index: u32, mut lease: dhcp::Lease) {
    loop {
        thread::sleep(lease.renew_after());
        // Asking anew gives the same address while the server remembers us, and a valid one when it does not.
        let new = match dhcp::acquire(CARD) {
            Ok(new) => new,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "lease not renewed");
                lease.shorten();
                continue;
            }
        };
        if new.addresses != lease.addresses {
            tracing::info!(address = %new.addresses.address, "address changed");
            let old = &lease.addresses;
            // The old address may be gone already.
            let _ = RouteSocket::open().and_then(|mut s| s.remove_address(index, old.address, old.prefix));
        }
        if let Err(error) = configure(index, &new.addresses) {
            tracing::warn!(error = format!("{error:#}"), "lease not applied");
        }
        lease = new;
    }
}

fn configure(index: u32, addresses: &Addresses) -> anyhow::Result<()> {
    let mut socket = RouteSocket::open()?;
    socket.add_address(index, addresses.address, addresses.prefix)?;
    if let Some(gateway) = addresses.gateway {
        socket.set_default_route(index, gateway)?;
    }
    write_resolv_conf(&addresses.name_servers)
}

/// Writes the resolver's file. The root disk is read-only: its `/etc/resolv.conf` is a link to ours, or a file that
/// ours is bound over.
fn write_resolv_conf(servers: &[Ipv4Addr]) -> anyhow::Result<()> {
    fs::write(RESOLV_CONF, resolv_conf(servers)).context("failed to write /run/resolv.conf")?;
    let visible = Path::new("/etc/resolv.conf");
    let same = fs::read(visible).ok() == fs::read(RESOLV_CONF).ok();
    if visible.exists() && !same {
        rustix::mount::mount_bind(RESOLV_CONF, visible).context("failed to bind /etc/resolv.conf")?;
    }
    Ok(())
}

fn resolv_conf(servers: &[Ipv4Addr]) -> String {
    servers
        .iter()
        .map(|server| format!("nameserver {server}\n"))
        .collect()
}

fn interface_index(name: &str) -> Option<u32> {
    fs::read_to_string(format!("/sys/class/net/{name}/ifindex"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_has_a_line_for_each_server() {
        assert_eq!(resolv_conf(&slirp().name_servers), "nameserver 10.0.2.3\n");
        assert_eq!(resolv_conf(&[]), "");
    }
}
