//! The three ways from this host to a container.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Result;

/// A way to the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Pinnace,
    Hostfwd,
    Ssh,
}

impl Door {
    pub const ALL: [Self; 3] = [Self::Pinnace, Self::Hostfwd, Self::Ssh];
}

/// The ports of this host that lead to the container's two servers, by door.
pub struct Ports {
    iperf: [u16; 3],
    http: [u16; 3],
}

impl Ports {
    /// Free ones, given back for others to take.
    pub fn choose() -> Result<Self> {
        Ok(Self {
            iperf: [free()?, free()?, free()?],
            http: [free()?, free()?, free()?],
        })
    }

    /// Of the server that measures throughput.
    pub fn iperf(&self, door: Door) -> u16 {
        self.iperf[door as usize]
    }

    /// Of the server that answers requests.
    pub fn http(&self, door: Door) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.http[door as usize]).into()
    }
}

/// A free port of the loopback interface.
pub fn free() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
