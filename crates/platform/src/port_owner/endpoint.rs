//! Which addresses are in each other's way.

use std::net::SocketAddr;

/// Whether a socket at `held` keeps `asked` from being bound. One on all IPv6 addresses may have the IPv4 ones as well:
/// tables of sockets do not tell, so it counts.
pub fn overlap(held: SocketAddr, asked: SocketAddr) -> bool {
    let (held_ip, asked_ip) = (held.ip().to_canonical(), asked.ip().to_canonical());
    held.port() == asked.port()
        && (held_ip == asked_ip
            || (held_ip.is_unspecified() && (held_ip.is_ipv6() || asked_ip.is_ipv4()))
            || (asked_ip.is_unspecified() && asked_ip.is_ipv4() == held_ip.is_ipv4()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_the_same_address_or_all_of_a_family() {
        for (held, asked, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("127.0.0.1:80", "[::]:80", false),
            ("[::1]:80", "[::]:80", true),
        ] {
            let [held_at, asked_at] = [held, asked].map(|text| text.parse().unwrap());
            assert_eq!(overlap(held_at, asked_at), expected, "{held} {asked}");
        }
    }
}
