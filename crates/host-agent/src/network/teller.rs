//! Tells each guest agent, before anybody else asks it for shares.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use agent_client::AgentClient;
use protocol::NetworkSettings;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::{certificates, proxy, system};
use crate::{
    failure::chain,
    notice::Notice,
    settings::{self, HostSize},
};

/// How long the host's own settings may take to be read; the engine waits for them.
const READ_LIMIT: Duration = Duration::from_secs(5);
/// How long the guest may take; it waits for shares no longer than 20 s.
const TELL_LIMIT: Duration = Duration::from_secs(10);

/// What the teller needs.
#[derive(Clone, Debug)]
pub struct Network {
    /// The settings file.
    pub config_file: PathBuf,
    /// The host as the machine reaches it.
    pub host_address: Option<IpAddr>,
    /// Where people are told what the engine goes without.
    pub notices: mpsc::UnboundedSender<Notice>,
}

/// Gives the same connections, each once its guest was told of the network or could not be. Ends with the handle.
pub fn tell_first(
    network: Network,
    agents: watch::Receiver<Option<AgentClient>>,
) -> (watch::Receiver<Option<AgentClient>>, AbortOnDropHandle<()>) {
    let (told, receiver) = watch::channel(None);
    let task = tokio::spawn(follow(network, agents, told));
    (receiver, AbortOnDropHandle::new(task))
}

async fn follow(
    network: Network,
    mut agents: watch::Receiver<Option<AgentClient>>,
    told: watch::Sender<Option<AgentClient>>,
) {
    loop {
        let agent = agents.borrow_and_update().clone();
        told.send_replace(None);
        let telling = async {
            if let Some(agent) = agent {
                network.tell(&agent).await;
                told.send_replace(Some(agent));
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = telling => {}
            changed = agents.changed() => if changed.is_err() {
                return;
            }
        }
    }
}

impl Network {
    async fn tell(&self, agent: &AgentClient) {
        let (file, host_address) = (self.config_file.clone(), self.host_address);
        let reading = tokio::task::spawn_blocking(move || {
            let network = settings::load(&file, HostSize::probe()).settings.network;
            read(&network, host_address)
        });
        let (network, problems) = match timeout(READ_LIMIT, reading).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) | Err(_) => {
                let problem = "failed to read the host's proxies in time".to_owned();
                (NetworkSettings::default(), vec![problem])
            }
        };
        for problem in problems {
            warn!(problem, "network setting not used");
            // Nobody may listen.
            drop(self.notices.send(Notice {
                message: problem,
                hint: Some("see `[network]` in the settings, then run `pinnace restart`".to_owned()),
            }));
        }
        // Its form for people holds no URL.
        let what = format!("{network:?}");
        match timeout(TELL_LIMIT, agent.set_network(network)).await {
            Ok(Ok(())) => info!(what, "guest told of the network"),
            Ok(Err(error)) => warn!(error = chain(&error), "guest not told of the network"),
            Err(_) => warn!("guest not told of the network in time"),
        }
    }
}

/// What the engine should use, and why it goes without something. No problem names a proxy's URL.
fn read(choice: &proxy::NetworkChoice, host_address: Option<IpAddr>) -> (NetworkSettings, Vec<String>) {
    let mut problems = Vec::new();
    let proxies = match &choice.proxy {
        proxy::ProxyChoice::None => proxy::Proxies::default(),
        proxy::ProxyChoice::These(proxies) => proxies.clone(),
        proxy::ProxyChoice::System => system::proxies(&|name| std::env::var(name).ok(), super::sys::proxies),
    };
    let mut network = proxy::for_guest(&proxies, host_address, &mut problems);
    network.ca_certificates = certificates::read(&choice.ca_certificates, &mut problems);
    (network, problems)
}

#[cfg(test)]
mod tests;
