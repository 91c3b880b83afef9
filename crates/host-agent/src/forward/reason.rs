//! Why a host port could not be bound, in words for the user of `docker run`.

use std::{io, net::SocketAddr, time::Duration};

use platform::{PortKind, PortOwner};
use protocol::Transport;
use tokio::time::timeout;

/// How long to look for the process that has a port.
const LOOK: Duration = Duration::from_secs(3);

/// Who has a port that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Another forward: of a container, where that is known.
    Forward {
        /// The container's name.
        container: Option<String>,
    },
    /// Another process.
    Process(PortOwner),
}

/// Looks for the process that keeps a host address from being bound. Ours are no answer: the table knows better.
pub async fn find_owner(transport: Transport, host: SocketAddr) -> Option<Holder> {
    let kind = match transport {
        Transport::Tcp => PortKind::Tcp,
        Transport::Udp => PortKind::Udp,
    };
    let looking = tokio::task::spawn_blocking(move || platform::port_owner(kind, host));
    let owner = timeout(LOOK, looking).await.ok()?.ok()??;
    (owner.pid != std::process::id()).then_some(Holder::Process(owner))
}

/// Whether somebody may have the port, so that it is worth looking who. Windows also says "denied" then.
pub fn may_be_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
    )
}

/// The words, as dockerd would say them, and the next step where there is one.
pub fn refusal(host: SocketAddr, error: &io::Error, holder: Option<&Holder>) -> String {
    let by = match holder {
        None => String::new(),
        Some(Holder::Forward { container: None }) => " (by another port of Pinnace)".to_owned(),
        Some(Holder::Forward {
            container: Some(name),
        }) => format!(" (by the container {})", name.escape_debug()),
        Some(Holder::Process(PortOwner { pid, program })) if program.is_empty() => {
            format!(" (by process {pid})")
        }
        Some(Holder::Process(PortOwner { pid, program })) => {
            format!(" (by {}, process {pid})", program.escape_debug())
        }
    };
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => format!("port is already allocated{by}"),
        io::ErrorKind::PermissionDenied if holder.is_some() => format!("port is already allocated{by}"),
        io::ErrorKind::PermissionDenied => {
            format!("permission denied: {}", platform::denied_port_hint(host.port()))
        }
        _ if platform::is_no_address(error) => {
            format!(
                "this host does not have the address {}: use one that it has",
                host.ip()
            )
        }
        _ => error.to_string(),
    };
    format!("Bind for {host} failed: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: io::ErrorKind, holder: Option<Holder>, expected: &str) {
        let host = "127.0.0.1:80".parse().unwrap();
        let text = refusal(host, &kind.into(), holder.as_ref());
        let rest = text.strip_prefix("Bind for 127.0.0.1:80 failed: ").unwrap();
        assert!(rest.starts_with(expected), "{text}");
    }

    #[test]
    fn refusal_is_what_dockerd_says_and_who_has_the_port() {
        let process = |program: &str| {
            let program = program.to_owned();
            Some(Holder::Process(PortOwner { pid: 123, program }))
        };
        let container = |name: &str| {
            let container = Some(name.to_owned());
            Some(Holder::Forward { container })
        };
        let taken = "port is already allocated";
        check(io::ErrorKind::AddrInUse, None, taken);
        check(
            io::ErrorKind::AddrInUse,
            process("nginx"),
            &format!("{taken} (by nginx, process 123)"),
        );
        check(
            io::ErrorKind::AddrInUse,
            process(""),
            &format!("{taken} (by process 123)"),
        );
        check(
            io::ErrorKind::AddrInUse,
            process("a\n"),
            &format!("{taken} (by a\\n, process"),
        );
        check(
            io::ErrorKind::AddrInUse,
            container("web"),
            &format!("{taken} (by the container web)"),
        );
        check(io::ErrorKind::PermissionDenied, process("nginx"), taken);
        check(io::ErrorKind::PermissionDenied, None, "permission denied: ");
        check(
            io::ErrorKind::AddrNotAvailable,
            None,
            "this host does not have the address 127.0.0.1",
        );
    }
}
