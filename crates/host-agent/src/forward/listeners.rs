//! What is bound on the host for sockets that listen in the machine's own network.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use engine_proxy::rewrite::OpenOn;
use protocol::{GuestListener, ListenerOrigin, Transport};

/// A host endpoint for a listener.
pub type HostEndpoint = (Transport, SocketAddr);

/// Where a host endpoint leads, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The address in the machine.
    pub target: SocketAddr,
    /// Who listens.
    pub origin: ListenerOrigin,
}

/// Which host endpoints the listeners want. One on all addresses, or on one that only the machine has, is opened where
/// the user chose; one on the machine's localhost on the host's localhost.
pub fn wanted(listeners: &[GuestListener], open_on: OpenOn) -> BTreeMap<HostEndpoint, Wanted> {
    let mut wanted: BTreeMap<HostEndpoint, Wanted> = BTreeMap::new();
    for listener in listeners.iter().filter(|listener| listener.address.port() != 0) {
        let (target, hosts) = opened(reached(listener), open_on);
        for ip in hosts {
            let endpoint = (listener.transport, SocketAddr::new(ip, target.port()));
            let new = Wanted {
                target,
                origin: listener.origin,
            };
            // Where both families of the machine listen, each leads to its own.
            let fits = |wanted: &Wanted| wanted.target.is_ipv4() == ip.is_ipv4();
            let known = wanted.entry(endpoint).or_insert(new);
            if fits(&new) && !fits(known) {
                *known = new;
            }
        }
    }
    wanted
}

/// The address at which a listener is reached. The swarm's are dockerd's, which never accepts on them: they only keep the
/// port, and iptables leads what is for it to the tasks, in IPv4 only.
fn reached(listener: &GuestListener) -> SocketAddr {
    let address = listener.address;
    if listener.origin == ListenerOrigin::Swarm && address.ip().is_unspecified() {
        SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port())
    } else {
        address
    }
}

fn opened(address: SocketAddr, open_on: OpenOn) -> (SocketAddr, Vec<IpAddr>) {
    let ip = address.ip().to_canonical();
    let localhost: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    if ip.is_loopback() {
        return (SocketAddr::new(ip, address.port()), vec![localhost]);
    }
    let target = if ip.is_unspecified() { localhost } else { ip };
    let hosts: [IpAddr; 2] = match open_on {
        OpenOn::Localhost => [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        OpenOn::All => [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
    };
    (SocketAddr::new(target, address.port()), hosts.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listeners: &[&str], open_on: OpenOn, expected: &[(&str, &str)]) {
        let listeners: Vec<_> = listeners
            .iter()
            .map(|address| GuestListener {
                transport: Transport::Tcp,
                address: address.parse().unwrap(),
                origin: ListenerOrigin::HostNetwork,
            })
            .collect();
        let found: Vec<(String, String)> = wanted(&listeners, open_on)
            .into_iter()
            .map(|((_, host), wanted)| (host.to_string(), wanted.target.to_string()))
            .collect();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(host, target)| ((*host).to_owned(), (*target).to_owned()))
            .collect();
        assert_eq!(found, expected, "{listeners:?}");
    }

    #[test]
    fn wanted_is_localhost_unless_the_user_chose_all() {
        let to_four = [("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:80", "127.0.0.1:80")];
        check(&["0.0.0.0:80"], OpenOn::Localhost, &to_four);
        let to_all = [("0.0.0.0:80", "[::1]:80"), ("[::]:80", "[::1]:80")];
        check(&["[::]:80"], OpenOn::All, &to_all);
        let specific = [("127.0.0.1:80", "172.17.0.1:80"), ("[::1]:80", "172.17.0.1:80")];
        check(&["172.17.0.1:80"], OpenOn::Localhost, &specific);
    }

    #[test]
    fn wanted_of_the_swarm_leads_to_the_family_that_is_served() {
        let listener = GuestListener {
            transport: Transport::Tcp,
            address: "[::]:80".parse().unwrap(),
            origin: ListenerOrigin::Swarm,
        };
        let wanted = wanted(&[listener], OpenOn::Localhost);
        let targets: Vec<String> = wanted.values().map(|wanted| wanted.target.to_string()).collect();
        assert_eq!(targets, ["127.0.0.1:80", "127.0.0.1:80"]);
    }

    #[test]
    fn wanted_of_the_machines_localhost_is_the_hosts_localhost() {
        for open_on in [OpenOn::Localhost, OpenOn::All] {
            check(&["127.0.0.1:80"], open_on, &[("127.0.0.1:80", "127.0.0.1:80")]);
            check(&["127.0.0.53:80"], open_on, &[("127.0.0.1:80", "127.0.0.53:80")]);
            check(&["[::1]:80"], open_on, &[("[::1]:80", "[::1]:80")]);
        }
    }

    #[test]
    fn wanted_of_both_families_leads_each_to_its_own() {
        let both = [("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:80", "[::1]:80")];
        check(&["0.0.0.0:80", "[::]:80"], OpenOn::Localhost, &both);
        check(&["[::]:80", "0.0.0.0:80"], OpenOn::Localhost, &both);
        check(&["0.0.0.0:0"], OpenOn::Localhost, &[]);
    }
}
