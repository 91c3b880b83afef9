//! Two ends of a link with one data lane.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test program uses a part of it"
)]

use std::io;
use std::path::Path;

use async_trait::async_trait;
use link::{Carrier, HostAddress, Incoming, Lane, Link, RawStream, Side, host_listener, unix_dialer};
use tokio::sync::mpsc;

pub struct Pair {
    pub host: Link,
    pub guest: Link,
    pub at_host: Incoming,
    pub at_guest: Incoming,
}

/// Hands out the streams it is given.
pub struct Given(pub mpsc::UnboundedReceiver<RawStream>);

#[async_trait]
impl Carrier for Given {
    async fn connect(&mut self) -> io::Result<RawStream> {
        match self.0.recv().await {
            Some(stream) => Ok(stream),
            None => std::future::pending().await,
        }
    }
}

/// Never has a peer.
pub struct Never;

#[async_trait]
impl Carrier for Never {
    async fn connect(&mut self) -> io::Result<RawStream> {
        std::future::pending().await
    }
}

pub fn given() -> (mpsc::UnboundedSender<RawStream>, Box<dyn Carrier>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Box::new(Given(receiver)))
}

/// Both ends over memory, up.
pub async fn connect() -> Pair {
    let (host_end, guest_end) = tokio::io::duplex(100_000);
    let (to_host, host_carrier) = given();
    let (to_guest, guest_carrier) = given();
    assert!(to_host.send(Box::new(host_end)).is_ok() && to_guest.send(Box::new(guest_end)).is_ok());
    up(host_carrier, guest_carrier).await
}

/// Both ends over a Unix socket, up.
pub async fn unix_pair(path: &Path) -> Pair {
    let listener = host_listener(HostAddress::Unix(path.to_owned())).unwrap();
    up(Box::new(listener), Box::new(unix_dialer(path.to_owned()))).await
}

pub async fn up(host: Box<dyn Carrier>, guest: Box<dyn Carrier>) -> Pair {
    let (host, at_host) = Link::new(Side::Host, 1, vec![(Lane::Data, host)]);
    let (guest, at_guest) = Link::new(Side::Guest, 1, vec![(Lane::Data, guest)]);
    let (ours, theirs) = tokio::join!(host.wait_up(Lane::Data), guest.wait_up(Lane::Data));
    assert_eq!(ours, theirs);
    Pair {
        host,
        guest,
        at_host,
        at_guest,
    }
}
