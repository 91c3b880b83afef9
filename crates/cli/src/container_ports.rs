//! The ports of containers as `ps` shows them: what the engine tells, and what is really bound on this host.
//!
//! The engine knows what was asked for. It does not know of a port that was opened or moved later, nor of one that another
//! program held when the machine started.

use std::{collections::HashMap, time::Duration};

use api::{Forward, ForwardState};
use engine_client::{ContainerSummary, Port};

use crate::{forwards, ports::ports, session};

/// How long a list waits for it. What the engine tells is there already.
const LIMIT: Duration = Duration::from_secs(3);

/// Forwards by the container's whole id.
#[derive(Default)]
pub struct ContainerPorts(HashMap<String, Vec<Forward>>);

impl ContainerPorts {
    /// Asks the host agent. Nothing is known when nobody answers.
    pub async fn ask() -> Self {
        let answer = tokio::time::timeout(LIMIT, ask()).await;
        let mut by_id = HashMap::<String, Vec<Forward>>::new();
        for forward in answer.ok().flatten().unwrap_or_default() {
            if let Some(id) = &forward.container_id {
                by_id.entry(id.clone()).or_default().push(forward);
            }
        }
        Self(by_id)
    }

    /// The ports of a container: those that are open, and after them those that should be and are not.
    pub fn of(&self, container: &ContainerSummary) -> Vec<String> {
        let forwards = self.0.get(&container.id).map_or(&[][..], Vec::as_slice);
        let is_known = |port: &Port| {
            forwards.iter().any(|forward| {
                forwards::container_port(forward) == Some(port.private_port) && forward.protocol == port.kind
            })
        };
        let told = container.ports.iter().filter(|port| !is_known(port)).cloned();
        let open = forwards
            .iter()
            .filter(|forward| forward.state == ForwardState::Open)
            .filter_map(port);
        let shown: Vec<Port> = told.chain(open).collect();
        let failed = forwards::joined(forwards)
            .into_iter()
            .filter(|row| row.forward.state == ForwardState::Failed)
            .map(|row| {
                let inside = forwards::container_port(row.forward).unwrap_or_default();
                format!("{}->{inside}/{} failed", row.host(), row.forward.protocol)
            });
        ports(&shown).into_iter().chain(failed).collect()
    }
}

async fn ask() -> Option<Vec<Forward>> {
    let folders = session::folders().ok()?;
    let client = session::connect(&folders.api_socket).await.ok()??;
    client.forwards().await.ok()
}

/// A forward as the engine would tell of it.
fn port(forward: &Forward) -> Option<Port> {
    let address = forwards::address(forward)?;
    Some(Port {
        ip: Some(address.ip().to_string()),
        private_port: forwards::container_port(forward)?,
        public_port: Some(address.port()),
        kind: forward.protocol.clone(),
    })
}

#[cfg(test)]
mod tests {
    use api::ForwardOrigin;

    use super::*;

    fn forward(host: &str, target: &str, state: ForwardState) -> Forward {
        Forward {
            id: host.to_owned(),
            origin: ForwardOrigin::Live,
            protocol: "tcp".to_owned(),
            host: host.to_owned(),
            target: target.to_owned(),
            container: None,
            container_id: Some("a1".to_owned()),
            state,
            reason: None,
            connections: 0,
        }
    }

    #[test]
    fn of_what_is_bound_wins_over_what_was_asked_for() {
        let told = |private_port, public_port, kind: &str| Port {
            ip: Some("127.0.0.1".to_owned()),
            private_port,
            public_port,
            kind: kind.to_owned(),
        };
        let container = ContainerSummary {
            id: "a1".to_owned(),
            ports: vec![
                told(80, Some(8080), "tcp"),
                told(90, None, "tcp"),
                told(100, Some(100), "sctp"),
            ],
            ..ContainerSummary::default()
        };
        let asked_for = ["127.0.0.1:100->100/sctp", "127.0.0.1:8080->80/tcp", "90/tcp"];
        assert_eq!(ContainerPorts::default().of(&container), asked_for);
        let moved = forward("127.0.0.1:9090", "172.17.0.2:80", ForwardState::Open);
        let live = forward("[::1]:91", "localhost:90", ForwardState::Failed);
        let ports = ContainerPorts([("a1".to_owned(), vec![live, moved])].into());
        let now = [
            "127.0.0.1:100->100/sctp",
            "127.0.0.1:9090->80/tcp",
            "[::1]:91->90/tcp failed",
        ];
        assert_eq!(ports.of(&container), now);
    }
}
