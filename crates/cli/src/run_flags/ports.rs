//! `--publish [[IP:]HOST:]CONTAINER[/PROTOCOL]` and `--expose CONTAINER[/PROTOCOL]`, each port also a range `FIRST-LAST`.
//!
//! Source: `ParsePortSpec` in `nat/parse.go` of github.com/docker/go-connections.

use std::net::IpAddr;

/// A port of the container, and where on the host it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPort {
    /// The host's address; empty for every one.
    pub host_ip: String,
    /// The host's port, or a range of which one is taken; empty for any.
    pub host_port: String,
    /// The container's port.
    pub port: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

/// Reads one value of `--publish`.
pub fn parse_ports(text: &str) -> Result<Vec<PublishedPort>, String> {
    let (rest, protocol) = split_protocol(text)?;
    let (before, container) = match rest.rsplit_once(':') {
        Some((before, container)) => (Some(before), container),
        None => (None, rest),
    };
    let (host_ip, host) = match before.map(split_host).transpose()? {
        Some((ip, host)) => (ip, host),
        None => (String::new(), ""),
    };
    let container = parse_range(container)?;
    if host.is_empty() {
        return Ok(container
            .map(|port| PublishedPort {
                host_ip: host_ip.clone(),
                host_port: String::new(),
                port,
                protocol: protocol.clone(),
            })
            .collect());
    }
    let first_host = parse_range(host)?;
    let lengths = (first_host.clone().count(), container.clone().count());
    if lengths.0 != lengths.1 {
        if lengths.1 != 1 {
            return Err(format!(
                "{} host ports do not fit {} container ports",
                lengths.0, lengths.1
            ));
        }
        return Ok(vec![PublishedPort {
            host_ip,
            host_port: host.to_owned(),
            port: *container.start(),
            protocol,
        }]);
    }
    Ok(first_host
        .zip(container)
        .map(|(host_port, port)| PublishedPort {
            host_ip: host_ip.clone(),
            host_port: host_port.to_string(),
            port,
            protocol: protocol.clone(),
        })
        .collect())
}

/// Reads one value of `--expose` into ports as the engine names them: `80/tcp`.
pub fn parse_exposed(text: &str) -> Result<Vec<String>, String> {
    let (ports, protocol) = split_protocol(text)?;
    Ok(parse_range(ports)?
        .map(|port| format!("{port}/{protocol}"))
        .collect())
}

fn split_protocol(text: &str) -> Result<(&str, String), String> {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, protocol)) => (rest, protocol.to_ascii_lowercase()),
        None => (text, "tcp".to_owned()),
    };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("unknown protocol {protocol:?}, use tcp, udp or sctp"));
    }
    Ok((rest, protocol))
}

/// `8080`, `127.0.0.1:8080`, `127.0.0.1:`, `[::1]:8080`.
fn split_host(text: &str) -> Result<(String, &str), String> {
    let (ip, host) = match text.strip_prefix('[') {
        Some(rest) => {
            let (ip, host) = rest.split_once(']').ok_or("the bracket is not closed")?;
            let host = host.strip_prefix(':').ok_or("a colon must follow the bracket")?;
            (ip, host)
        }
        None => match text.rsplit_once(':') {
            Some((ip, host)) => (ip, host),
            None => return Ok((String::new(), text)),
        },
    };
    if ip.is_empty() {
        return Ok((String::new(), host));
    }
    match ip.parse::<IpAddr>() {
        Ok(address) if address.is_ipv6() && !text.starts_with('[') => {
            Err("put an IPv6 address in brackets, as in [::1]:8080:80".to_owned())
        }
        Ok(address) => Ok((address.to_string(), host)),
        Err(_) => Err(format!("{ip:?} is no IP address")),
    }
}

fn parse_range(text: &str) -> Result<std::ops::RangeInclusive<u16>, String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port @ 1..) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err(format!(
            "{text:?} is no port, use 1 to 65535 or a range as in 8000-8010"
        )),
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(text)?, port(text)?),
    };
    if first > last {
        return Err(format!("the range {text} ends before it begins"));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_ports_each_form_is_read() {
        let check = |text: &str, wanted: &[(&str, &str, u16, &str)]| {
            let read = parse_ports(text).unwrap();
            let read: Vec<_> = read
                .iter()
                .map(|port| {
                    (
                        port.host_ip.as_str(),
                        port.host_port.as_str(),
                        port.port,
                        port.protocol.as_str(),
                    )
                })
                .collect();
            assert_eq!(read, wanted, "{text}");
        };
        check("80", &[("", "", 80, "tcp")]);
        check("80/UDP", &[("", "", 80, "udp")]);
        check("8080:80", &[("", "8080", 80, "tcp")]);
        check(":80", &[("", "", 80, "tcp")]);
        check("127.0.0.1:8080:80", &[("127.0.0.1", "8080", 80, "tcp")]);
        check("127.0.0.1::80/sctp", &[("127.0.0.1", "", 80, "sctp")]);
        check("[::1]:8080:80", &[("::1", "8080", 80, "tcp")]);
        check("[::]::80", &[("::", "", 80, "tcp")]);
        check("1-2", &[("", "", 1, "tcp"), ("", "", 2, "tcp")]);
        check("8-9:1-2/udp", &[("", "8", 1, "udp"), ("", "9", 2, "udp")]);
        check("8000-8010:80", &[("", "8000-8010", 80, "tcp")]);
        check(
            "0.0.0.0:65534-65535:1-2",
            &[("0.0.0.0", "65534", 1, "tcp"), ("0.0.0.0", "65535", 2, "tcp")],
        );
    }

    #[test]
    fn parse_exposed_each_form_is_read() {
        let check = |text: &str, wanted: &[&str]| assert_eq!(parse_exposed(text).unwrap(), wanted, "{text}");
        check("80", &["80/tcp"]);
        check("53/UDP", &["53/udp"]);
        check("8000-8001", &["8000/tcp", "8001/tcp"]);
        for text in ["", "80:80", "127.0.0.1:80", "80/x"] {
            assert!(parse_exposed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_ports_nonsense_is_refused() {
        for text in [
            "",
            ":",
            "0",
            "65536",
            "a",
            "80:",
            "80/",
            "80/x",
            "+80",
            "8080:80:90",
            "localhost:1:2",
            "2-1",
            "1-2:1-3",
            "8000-8010:1-2",
            "::1:8080:80",
            "[::1:80",
            "[::1]80:80",
            "[x]:1:2",
            "1-:2",
        ] {
            assert!(parse_ports(text).is_err(), "{text}");
        }
    }
}
