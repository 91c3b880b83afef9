//! The console's file, and the control connection.

use std::path::Path;

use super::{Flags, option::OptionList};
use crate::endpoint::Endpoint;

pub(crate) struct Console<'a> {
    pub log: &'a Path,
}

impl Console<'_> {
    pub(crate) fn render(&self, flags: &mut Flags) {
        flags.add(
            "-chardev",
            OptionList::new("file,id=console")
                .set("path", self.log)
                .set("append", "on"),
        );
        flags.add("-serial", "chardev:console");
    }
}

pub(crate) struct Monitor<'a> {
    pub address: &'a Endpoint,
}

impl Monitor<'_> {
    pub(crate) fn render(&self, flags: &mut Flags) {
        // QEMU is the client: nobody else can ever connect and drive the machine.
        flags.add("-chardev", socket_client("monitor", self.address));
        flags.add("-mon", "chardev=monitor,mode=control");
    }
}

/// A character device that connects to `address`.
pub(crate) fn socket_client(id: &str, address: &Endpoint) -> OptionList {
    let device = OptionList::new("socket").set("id", id);
    match address {
        Endpoint::Unix(path) => device.set("path", path).set("server", "off"),
        Endpoint::Tcp(address) => device
            .set("host", address.ip().to_string())
            .set("port", address.port().to_string())
            .set("nodelay", "on")
            .set("server", "off"),
    }
}
