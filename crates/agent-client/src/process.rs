//! Calls about a container's process.

use std::time::Duration;

use protocol::{ProcessFacts, Reply, Request};

use crate::{AgentClient, AgentClientError, client::name};

impl AgentClient {
    /// Asks what a container's process does with signals and with the keys of its terminal.
    ///
    /// `pid` is what the engine's inspect tells, `container` the full id. Fails with
    /// [`Refused`](AgentClientError::Refused) when the container has no such process (any more).
    pub async fn process(&self, pid: u32, container: &str) -> Result<ProcessFacts, AgentClientError> {
        let request = Request::Process {
            pid,
            container: container.to_owned(),
        };
        let name = name(&request);
        match self.call(request).await? {
            Reply::Process(facts) => Ok(facts),
            _ => Err(AgentClientError::Unexpected { request: name }),
        }
    }

    /// Ends a container's process and all its descendants: SIGHUP, SIGTERM after half of the grace, SIGKILL after all
    /// of it, at most 20 s. Resolves when they are gone, at once when there is no such process (any more).
    pub async fn end_process(
        &self,
        pid: u32,
        container: &str,
        grace: Duration,
    ) -> Result<(), AgentClientError> {
        let request = Request::EndProcess {
            pid,
            container: container.to_owned(),
            grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        };
        let name = name(&request);
        match self.call(request).await? {
            Reply::Done => Ok(()),
            _ => Err(AgentClientError::Unexpected { request: name }),
        }
    }
}
