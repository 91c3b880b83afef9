//! Whether somebody answers on a socket, or a crash left it behind.

use std::{io::ErrorKind, time::Duration};

use platform::{LocalAddress, LocalStream};
use tokio::time::timeout;

use super::Check;
use crate::failure::chain;

/// Connects to an address. Nobody there is fine; a dead socket or a silent owner is not.
pub async fn check(name: &'static str, address: &LocalAddress) -> Check {
    match timeout(Duration::from_secs(5), LocalStream::connect(address)).await {
        Ok(Ok(_)) => Check::ok(name, format!("answers on {address}")),
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Check::ok(name, "not running"),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Check::warn(
            name,
            format!("{address} was left behind by a process that is gone"),
            "nothing to do: the next `pinnace start` replaces it",
        ),
        Ok(Err(error)) => Check::fail(
            name,
            format!("failed to connect to {address}: {}", chain(&error)),
            "check who owns it with `pinnace paths`, or set another PINNACE_HOME",
        ),
        Err(_) => Check::warn(
            name,
            format!("{address} does not accept connections"),
            "see `pinnace logs host-agent`; end the host agent if it hangs",
        ),
    }
}
