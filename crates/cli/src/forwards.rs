//! Forwards in words: what is bound on the host, and where it leads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use api::{Forward, ForwardOrigin, ForwardState};

/// One forward, or two that are one to a person: a port of `127.0.0.1` and the same port of `::1`.
pub struct Joined<'a> {
    /// The first of them.
    pub forward: &'a Forward,
    /// Whether there are two.
    pub is_localhost: bool,
    /// How many connections they have now.
    pub connections: u64,
}

/// Forwards as people look for them: by container, then by the host's port.
pub fn sorted(forwards: &[Forward]) -> Vec<&Forward> {
    let mut sorted: Vec<&Forward> = forwards.iter().collect();
    sorted.sort_by(|a, b| key(a).cmp(&key(b)));
    sorted
}

/// The same with those joined that are one to a person.
pub fn joined(forwards: &[Forward]) -> Vec<Joined<'_>> {
    let mut rows: Vec<Joined<'_>> = Vec::new();
    for forward in sorted(forwards) {
        let neighbour = rows
            .iter_mut()
            .rev()
            .take_while(|row| host_port(row.forward) == host_port(forward))
            .find(|row| !row.is_localhost && is_pair(row.forward, forward));
        match neighbour {
            Some(row) => {
                row.is_localhost = true;
                row.connections = row.connections.saturating_add(forward.connections);
            }
            None => rows.push(Joined {
                forward,
                is_localhost: false,
                connections: forward.connections,
            }),
        }
    }
    rows
}

impl Joined<'_> {
    /// What is bound, or meant to be: `localhost:8080`, `0.0.0.0:8080`.
    pub fn host(&self) -> String {
        match host_port(self.forward) {
            Some(port) if self.is_localhost => format!("localhost:{port}"),
            _ => self.forward.host.clone(),
        }
    }

    /// The same as an address that terminals make a link of, where something answers there that may speak HTTP. A
    /// wildcard is none: what is bound says more.
    pub fn link(&self) -> Option<String> {
        let address = address(self.forward)?;
        let answers = self.forward.protocol == "tcp" && self.forward.state == ForwardState::Open;
        (answers && !address.ip().is_unspecified()).then(|| format!("http://{}", self.host()))
    }
}

/// The host's port; `None` of what is no address.
pub fn host_port(forward: &Forward) -> Option<u16> {
    address(forward).map(|address| address.port())
}

/// The host's address and port.
pub fn address(forward: &Forward) -> Option<SocketAddr> {
    forward.host.parse().ok()
}

/// The container's port.
pub fn container_port(forward: &Forward) -> Option<u16> {
    forward.target.rsplit_once(':')?.1.parse().ok()
}

/// `80/tcp -> 127.0.0.1:8080`, as `docker port` prints it.
pub fn docker_line(forward: &Forward) -> String {
    let port = container_port(forward).map_or_else(|| forward.target.clone(), |port| port.to_string());
    format!("{port}/{} -> {}", forward.protocol, forward.host)
}

/// A state in words.
pub fn state(state: ForwardState) -> &'static str {
    match state {
        ForwardState::Opening => "opening",
        ForwardState::Open => "open",
        ForwardState::Failed => "failed",
        ForwardState::Closed => "closed",
    }
}

/// An origin in words.
pub fn origin(origin: ForwardOrigin) -> &'static str {
    match origin {
        ForwardOrigin::Published => "published",
        ForwardOrigin::Live => "live",
        ForwardOrigin::HostNetwork => "host network",
        ForwardOrigin::Swarm => "swarm",
    }
}

type Key<'a> = (&'a Option<String>, Option<u16>, &'a str, Option<IpAddr>, &'a str);

fn key(forward: &Forward) -> Key<'_> {
    let address = address(forward);
    (
        &forward.container,
        address.map(|address| address.port()),
        &forward.protocol,
        address.map(|address| address.ip()),
        &forward.id,
    )
}

/// Whether `second` is to `first` what `::1` is to `127.0.0.1`, and alike otherwise.
fn is_pair(first: &Forward, second: &Forward) -> bool {
    let of = |forward: &Forward| address(forward).map(|address| address.ip());
    let is_localhost =
        of(first) == Some(Ipv4Addr::LOCALHOST.into()) && of(second) == Some(Ipv6Addr::LOCALHOST.into());
    is_localhost && alike(first) == alike(second)
}

type Alike<'a> = (
    &'a Option<String>,
    &'a str,
    Option<u16>,
    ForwardOrigin,
    ForwardState,
    &'a Option<String>,
);

fn alike(forward: &Forward) -> Alike<'_> {
    (
        &forward.container_id,
        &forward.protocol,
        container_port(forward),
        forward.origin,
        forward.state,
        &forward.reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(host: &str, target: &str) -> Forward {
        Forward {
            id: host.to_owned(),
            origin: ForwardOrigin::Published,
            protocol: "tcp".to_owned(),
            host: host.to_owned(),
            target: target.to_owned(),
            container: Some("web".to_owned()),
            container_id: Some("a1".to_owned()),
            state: ForwardState::Open,
            reason: None,
            connections: 1,
        }
    }

    fn hosts(forwards: &[Forward]) -> Vec<(String, u64)> {
        let rows = joined(forwards);
        rows.iter().map(|row| (row.host(), row.connections)).collect()
    }

    #[test]
    fn joined_localhosts_of_one_port_are_one() {
        let four = forward("127.0.0.1:8080", "172.17.0.2:80");
        let six = forward("[::1]:8080", "172.17.0.2:80");
        let other = forward("127.0.0.2:8080", "172.17.0.2:80");
        assert_eq!(
            hosts(&[six.clone(), other, four.clone()]),
            [("localhost:8080".to_owned(), 2), ("127.0.0.2:8080".to_owned(), 1)]
        );
        let elsewhere = forward("[::1]:8080", "172.17.0.2:81");
        assert_eq!(hosts(&[four.clone(), elsewhere]).len(), 2);
        let mut failed = six;
        failed.state = ForwardState::Failed;
        assert_eq!(hosts(&[four, failed]).len(), 2);
    }

    #[test]
    fn joined_ports_are_in_the_order_of_numbers() {
        let forwards = ["0.0.0.0:10000", "0.0.0.0:9000", "no address"].map(|host| forward(host, "x"));
        let hosts: Vec<String> = hosts(&forwards).into_iter().map(|(host, _)| host).collect();
        assert_eq!(hosts, ["no address", "0.0.0.0:9000", "0.0.0.0:10000"]);
    }

    #[test]
    fn link_only_of_what_a_browser_can_open() {
        let check = |host: &str, protocol: &str, state, link: Option<&str>| {
            let mut forward = forward(host, "172.17.0.2:80");
            (forward.protocol, forward.state) = (protocol.to_owned(), state);
            assert_eq!(joined(&[forward])[0].link().as_deref(), link, "{host} {protocol}");
        };
        check(
            "127.0.0.1:1",
            "tcp",
            ForwardState::Open,
            Some("http://127.0.0.1:1"),
        );
        check("[::1]:1", "tcp", ForwardState::Open, Some("http://[::1]:1"));
        check("127.0.0.1:1", "udp", ForwardState::Open, None);
        check("127.0.0.1:1", "tcp", ForwardState::Failed, None);
        check("0.0.0.0:1", "tcp", ForwardState::Open, None);
        check("nonsense", "tcp", ForwardState::Open, None);
    }

    #[test]
    fn docker_line_is_dockers() {
        assert_eq!(
            docker_line(&forward("[::1]:8080", "172.17.0.2:80")),
            "80/tcp -> [::1]:8080"
        );
        assert_eq!(
            docker_line(&forward("127.0.0.1:1", "odd")),
            "odd/tcp -> 127.0.0.1:1"
        );
    }
}
