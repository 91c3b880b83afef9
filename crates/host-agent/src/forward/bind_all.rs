//! Several addresses bound at one port, or none.

use std::net::{IpAddr, SocketAddr};

use protocol::Transport;

use super::{
    bound::{Bound, Serving},
    live::Refused,
    published::lacks_ipv6,
};

/// How many ports that the OS chose for one address may be taken on the other.
const PORT_TRIES: usize = 16;

/// An address to bind, and for which connections.
pub(super) type Wish = (IpAddr, Serving);

/// Binds all addresses at one port, or none. What this host has no IPv6 for is left out.
pub(super) async fn bind_all(
    transport: Transport,
    wishes: &[Wish],
    asked_port: u16,
) -> Result<Vec<Option<Bound>>, Refused> {
    let mut tries = 0;
    'again: loop {
        tries += 1;
        let (mut port, mut bound) = (asked_port, Vec::with_capacity(wishes.len()));
        for (ip, serving) in wishes {
            let host = SocketAddr::new(*ip, port);
            match Bound::open(transport, host, serving.clone()) {
                Ok(one) => {
                    port = one.address().port();
                    bound.push(Some(one));
                }
                Err(error) if wishes.len() > 1 && lacks_ipv6(host, &error) => bound.push(None),
                Err(error) => {
                    for one in bound.into_iter().flatten() {
                        one.close().await;
                    }
                    // The port was free on the first address only.
                    if asked_port == 0 && port != 0 && tries < PORT_TRIES {
                        continue 'again;
                    }
                    return Err(Refused::Unbound {
                        transport,
                        host,
                        error,
                    });
                }
            }
        }
        return Ok(bound);
    }
}
