//! What the guest agent knows of processes and does with them.

use std::time::Duration;

use engine_client::Connect;
use engine_proxy::guard::Signal;
use protocol::ProcessFacts;

use crate::{engine_connect::EngineConnect, failure::chain};

/// SIGINT's number on Linux.
pub const SIGINT: u8 = 2;
/// SIGTERM's number on Linux, and what stops a container unless it says otherwise.
pub const SIGTERM: u8 = 15;
/// SIGKILL's number on Linux.
const SIGKILL: u8 = 9;

/// What is known of a signal and a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// It certainly does nothing.
    Deaf,
    /// It may do something.
    Maybe,
}

/// Looks at processes in the machine, and ends them.
#[async_trait::async_trait]
pub trait GuestProcesses: Send + Sync + 'static {
    /// Whether a container's PID 1, `pid` in the machine, does anything about each of `signals`.
    async fn hearing(&self, pid: u32, container: &str, signals: [u8; 2]) -> [Hearing; 2];

    /// Ends a process of a container and all its descendants: SIGHUP, SIGTERM, and SIGKILL after `grace`.
    async fn end(&self, pid: u32, container: &str, grace: Duration) -> Result<(), String>;
}

#[async_trait::async_trait]
impl GuestProcesses for EngineConnect {
    async fn hearing(&self, pid: u32, container: &str, signals: [u8; 2]) -> [Hearing; 2] {
        let Some(agent) = self.supervisor.agent() else {
            return [Hearing::Maybe; 2];
        };
        match agent.process(pid, container).await {
            Ok(facts) => signals.map(|signal| hears(&facts, signal)),
            Err(error) => {
                tracing::debug!(%error, pid, container, "process not looked at");
                [Hearing::Maybe; 2]
            }
        }
    }

    async fn end(&self, pid: u32, container: &str, grace: Duration) -> Result<(), String> {
        let Some(agent) = self.supervisor.agent() else {
            return Err(self.connect().await.err().map_or_else(
                || "the connection to the machine is being restored".to_owned(),
                |error| error.to_string(),
            ));
        };
        agent
            .end_process(pid, container, grace)
            .await
            .map_err(|error| chain(&error))
    }
}

/// A signal that PID 1 neither catches nor blocks is dropped by the kernel, but for the one that nobody can catch.
fn hears(facts: &ProcessFacts, signal: u8) -> Hearing {
    if signal != SIGKILL && facts.is_deaf_to(signal) {
        Hearing::Deaf
    } else {
        Hearing::Maybe
    }
}

/// The number of a signal as a container's configuration or the engine's events name it: `SIGTERM`, `TERM`, `15`,
/// `SIGRTMIN+3`. `None` for none.
pub fn signal_number(name: &str) -> Option<u8> {
    if name.is_empty() {
        return None;
    }
    Signal::parse(name).map(Signal::number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_number_each_form_is_read() {
        let check = |name, number| assert_eq!(signal_number(name), number, "{name}");
        check("SIGTERM", Some(15));
        check("int", Some(2));
        check("9", Some(9));
        check("SIGRTMIN+3", Some(37));
        check("SIGWINCH", Some(28));
        check("KILL", Some(9));
        check("", None);
        check("0", None);
        check("65", None);
        check("RTMIN+99", None);
    }

    #[test]
    fn hears_inits_that_block_signals() {
        let facts = |program: &str, caught, blocked| ProcessFacts {
            program: program.to_owned(),
            caught,
            blocked,
            ignored: 0,
            terminal: None,
        };
        assert_eq!(hears(&facts("sleep", 0, 0), SIGINT), Hearing::Deaf);
        assert_eq!(hears(&facts("sh", 1 << 1, 0), SIGINT), Hearing::Maybe);
        assert_eq!(hears(&facts("sh", 1 << 1, 0), SIGTERM), Hearing::Deaf);
        assert_eq!(hears(&facts("docker-init", 0, !0), SIGINT), Hearing::Maybe);
        assert_eq!(hears(&facts("sleep", 0, 0), SIGKILL), Hearing::Maybe);
    }
}
