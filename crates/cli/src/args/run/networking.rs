//! Arguments of `run`: a container's networks, names and ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clap::Args;

use crate::run_flags::{PublishedPort, parse_added_host, parse_exposed, parse_ports};

/// A container's networks, names and ports.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Publish a port: [[IP:]HOST:]CONTAINER[/PROTOCOL], or ranges of them.
    #[arg(short, long, value_name = "PORTS", value_parser = parse_ports)]
    pub publish: Vec<Vec<PublishedPort>>,
    /// Publish every port that the image names or --expose, on any port of the host.
    #[arg(short = 'P', long)]
    pub publish_all: bool,
    /// Say that it listens at a port, without publishing it: CONTAINER[/PROTOCOL], or a range.
    #[arg(long, value_name = "PORTS", value_parser = parse_exposed)]
    pub expose: Vec<Vec<String>>,
    /// The network to join.
    #[arg(long, visible_alias = "net")]
    pub network: Option<String>,
    /// Another name for it in that network.
    #[arg(long, visible_alias = "net-alias", value_name = "NAME", requires = "network")]
    pub network_alias: Vec<String>,
    /// Its IPv4 address in that network.
    #[arg(long, value_name = "ADDRESS", requires = "network")]
    pub ip: Option<Ipv4Addr>,
    /// Its IPv6 address in that network.
    #[arg(long, value_name = "ADDRESS", requires = "network")]
    pub ip6: Option<Ipv6Addr>,
    /// The name that the container has for itself.
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// The domain of that name.
    #[arg(long, value_name = "NAME")]
    pub domainname: Option<String>,
    /// Make another host known: NAME:IP.
    #[arg(long, value_name = "HOST", value_parser = parse_added_host)]
    pub add_host: Vec<String>,
    /// A name server.
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Vec<IpAddr>,
    /// A domain in which short names are looked up.
    #[arg(long, value_name = "DOMAIN")]
    pub dns_search: Vec<String>,
    /// An option of looking names up, as in ndots:2.
    #[arg(long, visible_alias = "dns-opt", value_name = "OPTION")]
    pub dns_option: Vec<String>,
}
