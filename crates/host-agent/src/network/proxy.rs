//! Proxies: what may be one, and how the machine reaches it.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
};

use protocol::{MAX_PROXY_BYTES, NetworkSettings};

use super::exceptions;

/// The settings' table `[network]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkChoice {
    /// Which proxies the engine uses.
    pub proxy: ProxyChoice,
    /// Files of certificate authorities, PEM, absolute.
    pub ca_certificates: Vec<PathBuf>,
}

/// Which proxies the engine uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// Those of this host.
    #[default]
    System,
    /// None.
    None,
    /// These.
    These(Proxies),
}

/// Proxies as a user or the host wrote them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http://`. May hold a password.
    pub http: Option<String>,
    /// For `https://`. May hold a password.
    pub https: Option<String>,
    /// What is reached without, commas between.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for Proxies {
    /// Tells what there is, and no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// A proxy's URL in parts.
#[derive(PartialEq, Eq)]
struct Parts<'a> {
    scheme: &'a str,
    /// With the `@`; empty without.
    user: &'a str,
    /// Without brackets.
    host: &'a str,
    /// Port and what follows, as written.
    rest: &'a str,
}

/// Fails with why a text is no proxy; never with the text, which may hold a password.
pub fn check(url: &str) -> Result<(), &'static str> {
    parts(url).map(|_| ())
}

fn parts(url: &str) -> Result<Parts<'_>, &'static str> {
    if url.len() > MAX_PROXY_BYTES / 2 {
        return Err("it is too long");
    }
    if url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err("it has blanks in it");
    }
    // As everywhere, a proxy without a scheme speaks HTTP.
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    if !["http", "https", "socks5", "socks5h"].contains(&scheme) {
        return Err("it begins neither with `http://`, `https://` nor `socks5://`");
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let (user, place) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    let (host, port) = match place.strip_prefix('[') {
        Some(inner) => {
            let (host, port) = inner.split_once(']').ok_or("its `[` has no `]`")?;
            host.parse::<Ipv6Addr>()
                .map_err(|_| "it has no address between `[` and `]`")?;
            (host, port)
        }
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    if !port.is_empty()
        && port
            .strip_prefix(':')
            .and_then(|port| port.parse::<u16>().ok())
            .is_none()
    {
        return Err("its port is no number up to 65535");
    }
    // Nobody asks a proxy for a path; what follows the port is left out.
    Ok(Parts {
        scheme,
        user,
        host,
        rest: port,
    })
}

/// The same proxy as the machine reaches it: the host's own loopback is not its own.
fn reachable(url: &str, host_address: Option<IpAddr>) -> Result<String, &'static str> {
    let Parts {
        scheme,
        user,
        host,
        rest,
    } = parts(url)?;
    let host = if is_this_host(host) {
        host_address
            .ok_or("it is on this host, which this machine does not reach")?
            .to_string()
    } else {
        host.to_owned()
    };
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    Ok(format!("{scheme}://{user}{host}{rest}"))
}

fn is_this_host(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        })
}

/// What the guest is told; what is wrong is left out and told in `problems`.
pub(super) fn for_guest(
    proxies: &Proxies,
    host_address: Option<IpAddr>,
    problems: &mut Vec<String>,
) -> NetworkSettings {
    let mut one = |what: &str, url: &Option<String>| {
        let url = url.as_deref().filter(|url| !url.is_empty())?;
        reachable(url, host_address)
            .map_err(|why| problems.push(format!("the engine does without the proxy for {what}: {why}")))
            .ok()
    };
    let (http_proxy, https_proxy) = (one("http", &proxies.http), one("https", &proxies.https));
    if http_proxy.is_none() && https_proxy.is_none() {
        return NetworkSettings::default();
    }
    let given = proxies.no_proxy.as_deref().unwrap_or_default();
    let (no_proxy, is_whole) = exceptions::join(given, host_address);
    if !is_whole {
        problems.push("the list of what needs no proxy is too long; its end is not used".to_owned());
    }
    NetworkSettings {
        http_proxy,
        https_proxy,
        no_proxy: Some(no_proxy),
        ca_certificates: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reachable_of_a_proxy_on_loopback_is_the_hosts_address() {
        let v4 = Some("192.168.127.2".parse().unwrap());
        let table = [
            ("http://127.0.0.1:3128", "http://192.168.127.2:3128"),
            ("http://127.8.9.1:1/", "http://192.168.127.2:1"),
            ("localhost:3128", "http://192.168.127.2:3128"),
            ("http://LocalHost.:3128", "http://192.168.127.2:3128"),
            ("https://a:b%40c@localhost:1", "https://a:b%40c@192.168.127.2:1"),
            ("http://a:b@c@[::1]:3128", "http://a:b@c@192.168.127.2:3128"),
            ("http://[::ffff:127.0.0.1]:1", "http://192.168.127.2:1"),
            ("socks5://0.0.0.0", "socks5://192.168.127.2"),
            ("http://proxy.example:3128/x?y", "http://proxy.example:3128"),
            ("http://127.example:1", "http://127.example:1"),
            ("http://[2001:db8::1]:1", "http://[2001:db8::1]:1"),
        ];
        for (given, expected) in table {
            assert_eq!(reachable(given, v4).as_deref(), Ok(expected), "{given}");
        }
        let v6 = Some("fd00::2".parse().unwrap());
        assert_eq!(reachable("localhost:1", v6).as_deref(), Ok("http://[fd00::2]:1"));
        assert!(reachable("localhost:1", None).is_err());
        assert!(reachable("proxy:1", None).is_ok());
    }

    #[test]
    fn check_of_what_is_no_proxy_fails() {
        let long = format!("http://{}", "x".repeat(MAX_PROXY_BYTES));
        let table = [
            "",
            "http://",
            "ftp://a:1",
            "http://a:b",
            "http://a:65536",
            "http://[::1",
            "http://[x]:1",
            "http://a\nb",
            "a b",
            "http://u@:1",
            "http://::1",
            &long,
        ];
        for text in table {
            assert!(check(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn for_guest_without_proxies_has_no_exceptions_either() {
        let mut problems = Vec::new();
        let proxies = Proxies {
            no_proxy: Some("a".to_owned()),
            ..Proxies::default()
        };
        assert_eq!(
            for_guest(&proxies, None, &mut problems),
            NetworkSettings::default()
        );
        assert!(problems.is_empty());
    }
}
