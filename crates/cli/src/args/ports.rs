//! Arguments of `ports` and `port`.

use std::fmt;

use clap::{Args, Subcommand};

use super::FormatArgs;
use crate::run_flags::parse_ports;

/// Arguments of `ports`.
#[derive(Debug, Args)]
pub struct PortsArgs {
    /// Only those of these containers, by name or id.
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `port`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct PortArgs {
    /// What to do; to show the ports of a container when absent.
    #[command(subcommand)]
    pub action: Option<PortAction>,
    /// Show the ports of this container, by name or id.
    #[arg(value_name = "CONTAINER", required = true)]
    pub container: Option<String>,
    /// Only this port of the container.
    #[arg(value_name = "PORT[/PROTOCOL]", value_parser = parse_port)]
    pub port: Option<PortOf>,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// What to do with a port of a running container.
#[derive(Debug, Subcommand)]
pub enum PortAction {
    /// Open a port of a running container on the host.
    ///
    /// Also of a server that listens on the container's own localhost only. It is kept until it is removed, or the
    /// container is.
    Add(PortAddArgs),
    /// Open a port of the host instead of another one that a container has.
    Move(PortMoveArgs),
    /// Close a port of the host.
    ///
    /// A port that the container publishes comes back when the container starts again.
    Rm(PortRmArgs),
}

/// Arguments of `port add`.
#[derive(Debug, Args)]
pub struct PortAddArgs {
    /// The container, by name or id.
    #[arg(value_name = "CONTAINER")]
    pub container: String,
    /// The ports: [[IP:]HOST:]CONTAINER[/PROTOCOL], or ranges of them; any free one of the host without HOST.
    #[arg(value_name = "PORTS", required = true, value_parser = parse_live_ports)]
    pub ports: Vec<Vec<LivePort>>,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `port move`.
#[derive(Debug, Args)]
pub struct PortMoveArgs {
    /// The container, by name or id.
    #[arg(value_name = "CONTAINER")]
    pub container: String,
    /// The port of the host that it has.
    #[arg(value_name = "FROM[/PROTOCOL]", value_parser = parse_port)]
    pub from: PortOf,
    /// The port of the host to open instead: [IP:]PORT, at the same address without IP.
    #[arg(value_name = "TO", value_parser = parse_place)]
    pub to: Place,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `port rm`.
#[derive(Debug, Args)]
pub struct PortRmArgs {
    /// The container, by name or id.
    #[arg(value_name = "CONTAINER")]
    pub container: String,
    /// The port of the host to close.
    #[arg(value_name = "PORT[/PROTOCOL]", value_parser = parse_port)]
    pub port: PortOf,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// A port and its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortOf {
    /// The number.
    pub number: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

impl fmt::Display for PortOf {
    /// As it is written: without the usual protocol.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.number)?;
        match self.protocol.as_str() {
            "tcp" => Ok(()),
            other => write!(formatter, "/{other}"),
        }
    }
}

/// A place on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address, where one is given.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
}

/// A port of a container and where it is to be opened on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePort {
    /// The host's address, where one is given.
    pub host: Option<String>,
    /// The host's port; 0: any that is free.
    pub host_port: u16,
    /// The container's.
    pub container: PortOf,
}

/// Reads the words that `--publish` takes, but for what makes no sense for a container that runs.
fn parse_live_ports(text: &str) -> Result<Vec<LivePort>, String> {
    let live = |published: crate::run_flags::PublishedPort| {
        if published.protocol == "sctp" {
            return Err("only tcp and udp reach this host".to_owned());
        }
        let host_port = match published.host_port.as_str() {
            "" => 0,
            port => port
                .parse()
                .map_err(|_| format!("{port} are several ports of the host for one of the container"))?,
        };
        Ok(LivePort {
            host: Some(published.host_ip).filter(|host| !host.is_empty()),
            host_port,
            container: PortOf {
                number: published.port,
                protocol: published.protocol,
            },
        })
    };
    parse_ports(text)?.into_iter().map(live).collect()
}

/// Reads `8080` or `8080/udp`.
fn parse_port(text: &str) -> Result<PortOf, String> {
    match &parse_live_ports(text)?[..] {
        [
            LivePort {
                host: None,
                host_port: 0,
                container,
            },
        ] => Ok(container.clone()),
        _ => Err("give one port, as in 8080 or 8080/udp".to_owned()),
    }
}

/// Reads `9090`, `127.0.0.1:9090` or `[::1]:9090`.
fn parse_place(text: &str) -> Result<Place, String> {
    // What stands before the last colon of `--publish` is just that; its container's port is of no interest.
    match &parse_live_ports(&format!("{text}:1"))?[..] {
        [
            LivePort {
                host,
                host_port: port @ 1..,
                ..
            },
        ] => Ok(Place {
            host: host.clone(),
            port: *port,
        }),
        _ => Err("give one port, as in 9090 or 127.0.0.1:9090".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: u16, protocol: &str) -> PortOf {
        PortOf {
            number,
            protocol: protocol.to_owned(),
        }
    }

    #[test]
    fn parse_live_ports_each_form_is_read() {
        let check = |text: &str, wanted: &[(Option<&str>, u16, PortOf)]| {
            let read = parse_live_ports(text).unwrap();
            let read: Vec<_> = read
                .iter()
                .map(|port| (port.host.as_deref(), port.host_port, port.container.clone()))
                .collect();
            assert_eq!(read, wanted, "{text}");
        };
        check("80", &[(None, 0, of(80, "tcp"))]);
        check("8080:80/udp", &[(None, 8080, of(80, "udp"))]);
        check("127.0.0.1:8080:80", &[(Some("127.0.0.1"), 8080, of(80, "tcp"))]);
        check("[::1]::80", &[(Some("::1"), 0, of(80, "tcp"))]);
        check(
            "8080-8081:80-81",
            &[(None, 8080, of(80, "tcp")), (None, 8081, of(81, "tcp"))],
        );
        for text in ["8080:80/sctp", "8000-8010:80", "localhost:8080:80", "", "0"] {
            assert!(parse_live_ports(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_port_takes_one_port_and_shows_it_as_written() {
        assert_eq!(parse_port("8080"), Ok(of(8080, "tcp")));
        assert_eq!(parse_port("53/UDP"), Ok(of(53, "udp")));
        assert_eq!(of(8080, "tcp").to_string(), "8080");
        assert_eq!(of(53, "udp").to_string(), "53/udp");
        for text in ["8080:80", "1-2", "127.0.0.1::80", "0", "80/sctp"] {
            assert!(parse_port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_place_is_a_port_with_an_address_or_not() {
        let place = |host: Option<&str>, port| {
            Ok(Place {
                host: host.map(str::to_owned),
                port,
            })
        };
        assert_eq!(parse_place("9090"), place(None, 9090));
        assert_eq!(parse_place("127.0.0.1:9090"), place(Some("127.0.0.1"), 9090));
        assert_eq!(parse_place("[::1]:9090"), place(Some("::1"), 9090));
        for text in ["", "0", "127.0.0.1:", "1-2", "9090/udp", "::1:9090"] {
            assert!(parse_place(text).is_err(), "{text}");
        }
    }
}
