//! Folders of the host in the machine.

use protocol::{AgentError, MountedShare, Reply, Request, ShareSpec};

use crate::{AgentClient, AgentClientError, client::name};

impl AgentClient {
    /// Sets which folders are shared, all of them. Answers for each, in their order.
    pub async fn set_shares(
        &self,
        shares: Vec<ShareSpec>,
    ) -> Result<Vec<Result<MountedShare, AgentError>>, AgentClientError> {
        let request = Request::SetShares { shares };
        let name = name(&request);
        match self.call(request).await? {
            Reply::Shares(shares) => Ok(shares),
            _ => Err(AgentClientError::Unexpected { request: name }),
        }
    }
}
