//! What dockerd asks of a `docker-proxy`, from its command line.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, bail};
use protocol::Transport;
use serde::{Deserialize, Serialize};

/// A host endpoint to be joined to a container's. Sent by the hook process to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The transport.
    pub transport: Transport,
    /// What is to be bound.
    pub host: SocketAddr,
    /// Where the container listens.
    pub container: SocketAddr,
}

impl Request {
    /// Reads the arguments that dockerd 28 gives (moby, libnetwork/portmapper: `StartProxy`). The second value tells
    /// whether descriptor 4 is dockerd's own listener.
    ///
    /// Strict: a port that is published otherwise than asked is worse than one that is not.
    pub fn parse(arguments: &[&str]) -> anyhow::Result<(Self, bool)> {
        let (mut transport, mut has_listener) = (None, false);
        let (mut host_ip, mut host_port, mut container_ip, mut container_port) = (None, None, None, None);
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            if *name == "-use-listen-fd" {
                has_listener = true;
                continue;
            }
            let slot = match *name {
                "-proto" => &mut transport,
                "-host-ip" => &mut host_ip,
                "-host-port" => &mut host_port,
                "-container-ip" => &mut container_ip,
                "-container-port" => &mut container_port,
                _ => bail!("{name:?} is no argument of a port's proxy"),
            };
            let value = *rest.next().with_context(|| format!("{name} has no value"))?;
            if slot.replace(value).is_some() {
                bail!("{name} is given twice");
            }
        }
        let transport = match transport.context("-proto is missing")? {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            "sctp" => bail!("SCTP ports cannot be published on the host: publish TCP or UDP ports"),
            other => bail!("{other:?} is no transport that can be published"),
        };
        let request = Self {
            transport,
            host: endpoint("host", host_ip, host_port)?,
            container: endpoint("container", container_ip, container_port)?,
        };
        Ok((request, has_listener))
    }
}

fn endpoint(whose: &str, ip: Option<&str>, port: Option<&str>) -> anyhow::Result<SocketAddr> {
    let ip = ip.with_context(|| format!("-{whose}-ip is missing"))?;
    let port = port.with_context(|| format!("-{whose}-port is missing"))?;
    let ip: IpAddr = ip
        .parse()
        .with_context(|| format!("-{whose}-ip {ip:?} is no address"))?;
    match port.parse() {
        Ok(port) if port != 0 => Ok(SocketAddr::new(ip.to_canonical(), port)),
        _ => bail!("-{whose}-port {port:?} is no port"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> anyhow::Result<(Request, bool)> {
        Request::parse(&line.split_ascii_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn parse_reads_what_dockerd_gives() {
        for (line, transport, host, container, has_listener) in [
            (
                "-proto tcp -host-ip 127.0.0.1 -host-port 8080 -container-ip 172.17.0.2 -container-port 80 -use-listen-fd",
                Transport::Tcp,
                "127.0.0.1:8080",
                "172.17.0.2:80",
                true,
            ),
            (
                "-proto udp -host-ip :: -host-port 53 -container-ip fd00::2 -container-port 5353",
                Transport::Udp,
                "[::]:53",
                "[fd00::2]:5353",
                false,
            ),
            (
                "-use-listen-fd -container-port 65535 -container-ip 172.17.0.2 -host-port 1 -host-ip ::ffff:10.0.0.1 -proto tcp",
                Transport::Tcp,
                "10.0.0.1:1",
                "172.17.0.2:65535",
                true,
            ),
        ] {
            let expected = Request {
                transport,
                host: host.parse().unwrap(),
                container: container.parse().unwrap(),
            };
            assert_eq!(check(line).unwrap(), (expected, has_listener), "{line}");
        }
    }

    #[test]
    fn parse_refuses_anything_else_and_says_what() {
        let rest = "-host-ip 127.0.0.1 -host-port 8080 -container-ip 172.17.0.2 -container-port 80";
        for (line, expected) in [
            (String::new(), "-proto is missing"),
            (
                format!("-proto tcp {rest} -host-port 1"),
                "-host-port is given twice",
            ),
            (format!("-proto tcp {rest} -proto"), "-proto has no value"),
            (
                format!("-proto tcp {rest} -new-flag"),
                "\"-new-flag\" is no argument",
            ),
            (format!("-proto sctp {rest}"), "SCTP ports cannot be published"),
            (format!("-proto TCP {rest}"), "\"TCP\" is no transport"),
            (
                format!("-proto tcp {}", rest.replace("8080", "0")),
                "-host-port \"0\" is no port",
            ),
            (
                format!("-proto tcp {}", rest.replace("8080", "65536")),
                "-host-port \"65536\" is no port",
            ),
            (
                format!("-proto tcp {}", rest.replace("127.0.0.1", "localhost")),
                "-host-ip \"localhost\" is no address",
            ),
            (
                "-proto tcp -host-ip 127.0.0.1 -host-port 8080".to_owned(),
                "-container-ip is missing",
            ),
        ] {
            let error = check(&line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
