//! Where QEMU connects to us, as it is written on the command line.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use link::HostAddress;

/// An address of ours. A value on every host, so that every host's command line is tested on each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    #[cfg_attr(
        not(any(unix, test)),
        expect(dead_code, reason = "made on Unix hosts and by tests")
    )]
    Unix(PathBuf),
    #[cfg_attr(
        not(any(windows, test)),
        expect(dead_code, reason = "made on Windows and by tests")
    )]
    Tcp(SocketAddr),
}

/// The address to listen on for `name` in a folder of ours.
pub(crate) fn listen_address(folder: &Path, name: &str) -> HostAddress {
    sys::listen_address(folder, name)
}

impl From<&HostAddress> for Endpoint {
    fn from(address: &HostAddress) -> Self {
        match address {
            #[cfg(unix)]
            HostAddress::Unix(path) => Self::Unix(path.clone()),
            #[cfg(windows)]
            HostAddress::Tcp(address) => Self::Tcp(*address),
        }
    }
}

#[cfg(unix)]
mod sys {
    use std::path::Path;

    use link::HostAddress;

    pub(super) fn listen_address(folder: &Path, name: &str) -> HostAddress {
        HostAddress::Unix(folder.join(format!("{name}.sock")))
    }
}

#[cfg(windows)]
mod sys {
    use std::{
        net::{Ipv4Addr, SocketAddr},
        path::Path,
    };

    use link::HostAddress;

    /// A free loopback port. Only the process that we started is let in.
    pub(super) fn listen_address(_folder: &Path, _name: &str) -> HostAddress {
        HostAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }
}
