//! How the engine reaches other networks.

use protocol::{NetworkSettings, Reply, Request};

use crate::{AgentClient, AgentClientError, client::name};

impl AgentClient {
    /// Sets the proxies and certificate authorities of the engine. They hold from its next start on.
    pub async fn set_network(&self, network: NetworkSettings) -> Result<(), AgentClientError> {
        let request = Request::SetNetwork(network);
        let name = name(&request);
        match self.call(request).await? {
            Reply::Done => Ok(()),
            _ => Err(AgentClientError::Unexpected { request: name }),
        }
    }
}
