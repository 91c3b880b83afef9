//! macOS: `scutil` prints the proxies of the network that is in use.

use std::process::{Command, Stdio};

use super::lists;
use crate::network::Proxies;

pub(crate) fn proxies() -> Proxies {
    let output = Command::new("/usr/sbin/scutil")
        .arg("--proxy")
        .stdin(Stdio::null())
        .output();
    output.map_or_else(
        |_| Proxies::default(),
        |output| lists::scutil(&String::from_utf8_lossy(&output.stdout)),
    )
}
