//! A container's ports in words, as the docker CLI has them.

use engine_client::Port;

/// `0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 9000-9005/tcp`: sorted, neighbours joined.
pub fn ports(ports: &[Port]) -> Vec<String> {
    let mut ports: Vec<&Port> = ports.iter().collect();
    ports.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut ranges: Vec<Range> = Vec::new();
    for port in ports {
        if !ranges.last_mut().is_some_and(|range| range.take(port)) {
            ranges.push(Range {
                first: port,
                length: 0,
            });
        }
    }
    ranges.iter().map(Range::text).collect()
}

/// Published ports first, by address.
fn key(port: &Port) -> (bool, &Option<String>, &str, u16, Option<u16>) {
    let unpublished = port.public_port.is_none();
    (
        unpublished,
        &port.ip,
        &port.kind,
        port.private_port,
        port.public_port,
    )
}

/// Ports that follow each other on both sides.
struct Range<'a> {
    first: &'a Port,
    /// How many follow the first.
    length: u16,
}

impl Range<'_> {
    /// Whether `port` is in it, or is the next one and now in it.
    fn take(&mut self, port: &Port) -> bool {
        let alike = (&self.first.ip, &self.first.kind) == (&port.ip, &port.kind);
        let follows = |first: u16, port: u16, length: u16| first.checked_add(length) == Some(port);
        let at = |length| {
            follows(self.first.private_port, port.private_port, length)
                && match (self.first.public_port, port.public_port) {
                    (Some(first), Some(port)) => follows(first, port, length),
                    (None, None) => true,
                    _ => false,
                }
        };
        if alike && at(self.length) {
            return true;
        }
        let Some(next) = self.length.checked_add(1) else {
            return false;
        };
        let taken = alike && at(next);
        if taken {
            self.length = next;
        }
        taken
    }

    fn text(&self) -> String {
        let span = |first: u16| match self.length {
            0 => first.to_string(),
            length => format!("{first}-{}", first.saturating_add(length)),
        };
        let inside = format!("{}/{}", span(self.first.private_port), self.first.kind);
        match (&self.first.ip, self.first.public_port) {
            (Some(ip), Some(port)) if ip.contains(':') => format!("[{ip}]:{}->{inside}", span(port)),
            (Some(ip), Some(port)) => format!("{ip}:{}->{inside}", span(port)),
            (None, Some(port)) => format!("{}->{inside}", span(port)),
            (_, None) => inside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(ip: Option<&str>, public_port: Option<u16>, private_port: u16) -> Port {
        Port {
            ip: ip.map(str::to_owned),
            private_port,
            public_port,
            kind: "tcp".to_owned(),
        }
    }

    #[test]
    fn ports_neighbours_are_joined() {
        let any = Some("0.0.0.0");
        let check = |list: &[Port], text: &str| assert_eq!(ports(list).join(", "), text);
        check(&[], "");
        check(&[port(None, None, 80)], "80/tcp");
        check(
            &[
                port(Some("::"), Some(8080), 80),
                port(any, Some(8080), 80),
                port(None, None, 90),
            ],
            "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 90/tcp",
        );
        check(
            &[
                port(any, Some(1002), 2),
                port(any, Some(1001), 1),
                port(any, Some(1003), 3),
            ],
            "0.0.0.0:1001-1003->1-3/tcp",
        );
        check(
            &[
                port(any, Some(1001), 1),
                port(any, Some(2000), 2),
                port(any, Some(1001), 1),
            ],
            "0.0.0.0:1001->1/tcp, 0.0.0.0:2000->2/tcp",
        );
        check(
            &[port(None, None, u16::MAX), port(None, None, 65_534)],
            "65534-65535/tcp",
        );
    }
}
