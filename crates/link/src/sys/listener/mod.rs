//! The host's end of a lane whose peer connects: QEMU's chardev client, or a guest agent that is an ordinary process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use crate::{Carrier, RawStream};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as platform;

/// Where the host listens for one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostAddress {
    /// A Unix socket's path. Hosts with Unix sockets that QEMU can use.
    #[cfg(unix)]
    Unix(std::path::PathBuf),
    /// A loopback address; port 0 takes a free one. Windows hosts.
    #[cfg(windows)]
    Tcp(std::net::SocketAddr),
}

/// Listens for one peer at a time: stops listening once it is there, and listens anew for the next one.
#[derive(Debug)]
pub struct HostListener {
    address: HostAddress,
    bound: Option<platform::Bound>,
    expected: ExpectedPid,
}

/// The process that may connect. Set when it has been started, which is after the listener was bound.
#[derive(Clone, Debug, Default)]
pub struct ExpectedPid(Arc<AtomicU32>);

impl ExpectedPid {
    /// Lets only this process connect from now on, where the host tells who a peer is.
    pub fn set(&self, pid: u32) {
        self.0.store(pid, Ordering::Release);
    }

    /// The process, if one is set.
    pub fn get(&self) -> Option<u32> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            pid => Some(pid),
        }
    }
}

/// Binds now, so that the address is there before the peer is started. A stale socket at the path is replaced.
pub fn host_listener(address: HostAddress) -> io::Result<HostListener> {
    let (bound, address) = platform::Bound::bind(&address)?;
    Ok(HostListener {
        address,
        bound: Some(bound),
        expected: ExpectedPid::default(),
    })
}

impl HostListener {
    /// Where it listens; a port that was asked for as 0 is the real one here.
    pub fn address(&self) -> &HostAddress {
        &self.address
    }

    /// Lets only this process connect, where the host tells who a peer is (Linux, Windows).
    pub fn expect_pid(&self, pid: u32) {
        self.expected.set(pid);
    }

    /// The same for when the listener has been given away.
    pub fn expected_pid(&self) -> ExpectedPid {
        self.expected.clone()
    }
}

#[async_trait]
impl Carrier for HostListener {
    async fn connect(&mut self) -> io::Result<RawStream> {
        // Kept across calls until somebody was accepted: a cancelled wait must not stop listening.
        if self.bound.is_none() {
            self.bound = Some(platform::Bound::bind(&self.address)?.0);
        }
        let Some(bound) = &mut self.bound else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let stream = bound.accept(&self.expected).await?;
        self.bound = None;
        Ok(stream)
    }
}
