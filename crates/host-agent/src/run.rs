//! The composition root: makes the parts, joins them, and takes them down in order.

use std::{
    env,
    path::PathBuf,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use api::ApiEvent;
use engine_client::Engine;
use engine_proxy::{
    Endpoint, EndpointConfig,
    guard::{Guard, GuardSettings},
    rewrite::{CreateRewrite, Rewrite, RewriteSettings},
};
use platform::{Folders, LocalListener};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{info, warn};

use crate::{
    docker_context::{self, Written},
    drivers::drivers,
    engine_connect::EngineConnect,
    engine_upstream::EngineUpstream,
    event_feed::EventFeed,
    forward::{Forwards, ForwardsConfig, Room},
    guard_host::MachineGuardHost,
    journal::{self, Journal},
    log_file,
    machine_source::{CONSOLE_LOG, MachineSource},
    network::{self, Network},
    notice::Notice,
    ownership::{self, Ownership},
    server::Server,
    settings::Settings,
    share::{Shares, SharesConfig},
    supervisor::{Limits, Provision, Supervisor, SupervisorConfig},
};

pub use crate::log_file::LogFile;

/// How long the last answers may take when the machine is down.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Changes of forwards, or of shares, within this time are one event.
const TOGETHER: Duration = Duration::from_millis(100);

/// Descriptors for clients of the engine, whatever the limit is: two for each connection, and one for its process.
const LEAST_CLIENT_DESCRIPTORS: usize = 3 * 256;
const MOST_CLIENT_DESCRIPTORS: usize = 3 * 65_536;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It served and was ended in order.
    Ended,
    /// Another host agent of this user already serves.
    AlreadyServed {
        /// What is known about it.
        holder: String,
    },
}

/// Serves until a signal or `POST /v1/quit`. `folders` were created.
pub async fn run(folders: Folders) -> anyhow::Result<Outcome> {
    let source = MachineSource::new(folders.clone(), drivers(&folders.cache));
    let settings = source.load().settings;
    let host_agent = HostAgent {
        folders,
        rewrite: RewriteSettings {
            open_on: settings.open_on,
            host_address: source.host_address(&settings),
            paths: None,
        },
        provision: Arc::new(source),
        settings,
    };
    host_agent.serve(platform::terminate_signal).await
}

/// What a host agent is made of.
struct HostAgent {
    folders: Folders,
    provision: Arc<dyn Provision>,
    /// What holds until it ends; the machine's own settings are read anew at each start.
    settings: Settings,
    /// What is changed in what clients ask of the engine, but for paths.
    rewrite: RewriteSettings,
}

impl HostAgent {
    /// Serves until it is asked to end by a client, or by `signal`, which is waited for anew after each.
    async fn serve<S>(self, signal: impl Fn() -> S) -> anyhow::Result<Outcome>
    where
        S: Future<Output = ()>,
    {
        let folders = self.folders;
        // A signal is noticed from the first poll on. Nobody may find us serving before that.
        let mut asked = pin!(signal());
        if futures_util::poll!(asked.as_mut()).is_ready() {
            return Ok(Outcome::Ended);
        }
        let _lock = match ownership::acquire(&folders).await? {
            Ownership::Ours(lock) => lock,
            Ownership::Another { holder } => return Ok(Outcome::AlreadyServed { holder }),
        };
        let api_listener = LocalListener::bind(&folders.api_socket).context("failed to serve the api")?;
        let engine_listener =
            LocalListener::bind(&folders.engine_socket).context("failed to serve the engine")?;
        let mut warnings = if self.settings.context {
            write_context(&folders)
        } else {
            Vec::new()
        };

        let (notices, received) = mpsc::unbounded_channel();
        let supervisor = Supervisor::spawn(SupervisorConfig {
            provision: Arc::clone(&self.provision),
            limits: Limits::default(),
            notices: notices.clone(),
        });
        let connect = EngineConnect {
            supervisor: supervisor.clone(),
        };
        let engine = Engine::new(connect.clone());
        let journal = Journal::open(folders.state.clone());
        let (forwards, warning) = Forwards::spawn(ForwardsConfig {
            agents: supervisor.agents(),
            snapshots: supervisor.snapshots(),
            engine: engine.clone(),
            state_folder: folders.state.clone(),
            open_on: self.settings.open_on,
            room: Room::default(),
        });
        warnings.extend(warning);
        let network = Network {
            config_file: folders.config_file(),
            host_address: self.rewrite.host_address,
            notices,
        };
        let (agents, _network) = network::tell_first(network, supervisor.agents());
        let (shares, more) = Shares::spawn(SharesConfig {
            agents,
            snapshots: supervisor.snapshots(),
            engine: engine.clone(),
            folders: folders.clone(),
            home: env::home_dir(),
            share_home: self.settings.share_home,
            hide: self.settings.hide.clone(),
            look: SharesConfig::LOOK,
        });
        warnings.extend(more);
        let rewrite: Arc<dyn Rewrite> = Arc::new(CreateRewrite::new(RewriteSettings {
            paths: Some(shares.paths()),
            ..self.rewrite
        }));
        let server = Server {
            supervisor: supervisor.clone(),
            provision: self.provision,
            feed: EventFeed::default(),
            engine: engine.clone(),
            forwards,
            shares: shares.clone(),
            rewrite: Arc::clone(&rewrite),
            journal: journal.clone(),
            endpoint: folders.engine_socket.clone(),
            warnings: warnings.into(),
            log: folders.logs.join(log_file::NAME).into(),
            console_log: folders.logs.join(CONSOLE_LOG).into(),
            quit: CancellationToken::new(),
        };
        info!(api = %folders.api_socket, engine = %folders.engine_socket, "host agent serves");
        let guard = Guard::spawn(
            GuardSettings {
                mode: self.settings.guard,
                interrupt_wait: self.settings.interrupt_wait,
            },
            Arc::new(MachineGuardHost {
                supervisor: supervisor.clone(),
                engine: engine.clone(),
                journal: journal.clone(),
            }),
        );
        let endpoint = Endpoint::new(EndpointConfig {
            listener: engine_listener,
            upstream: Arc::new(EngineUpstream {
                connect,
                on_demand: self.settings.on_demand,
                shares,
            }),
            rewrite,
            guard,
            descriptors: client_descriptors(platform::raise_descriptor_limit()),
        });
        let _beside = [
            AbortOnDropHandle::new(tokio::spawn(endpoint.serve())),
            AbortOnDropHandle::new(tokio::spawn(journal::watch(supervisor.clone(), engine, journal))),
            AbortOnDropHandle::new(tokio::spawn(feed(server.clone(), received))),
        ];
        let mut serving = pin!(server.clone().serve(api_listener));
        tokio::select! {
            served = &mut serving => served.context("failed to serve the api")?,
            () = ended(&supervisor, &server.quit, asked, signal) => {
                // The answers under way are given. One that has no end, such as a log that is followed, is cut off.
                if let Ok(served) = tokio::time::timeout(LAST_ANSWERS, serving).await {
                    served.context("failed to serve the api")?;
                }
            }
        }
        info!("host agent ends");
        Ok(Outcome::Ended)
    }
}

/// Waits until somebody wants the host agent to end and the machine is down. A second signal waits no longer.
async fn ended<S>(
    supervisor: &Supervisor,
    quit: &CancellationToken,
    asked: Pin<&mut S>,
    signal: impl Fn() -> S,
) where
    S: Future<Output = ()>,
{
    tokio::select! {
        () = asked => info!("asked to end by a signal"),
        () = quit.cancelled() => return info!("asked to end by a client"),
    }
    tokio::select! {
        outcome = supervisor.quit() => {
            if let Err(error) = outcome {
                warn!(%error, "machine not stopped in order");
            }
        }
        () = signal() => warn!("asked to end twice, pulling the plug"),
    }
    quit.cancel();
}

/// How many descriptors clients of the engine may take up. An eighth of all is left to everything else.
fn client_descriptors(limit: u64) -> usize {
    usize::try_from(limit - limit / 8).map_or(MOST_CLIENT_DESCRIPTORS, |descriptors| {
        descriptors.clamp(LEAST_CLIENT_DESCRIPTORS, MOST_CLIENT_DESCRIPTORS)
    })
}

/// Turns what is published into events.
async fn feed(server: Server, mut notices: mpsc::UnboundedReceiver<Notice>) {
    let mut snapshots = server.supervisor.snapshots();
    let mut forwards = server.forwards.changes();
    let mut shares = server.shares.changes();
    loop {
        tokio::select! {
            changed = snapshots.changed() => {
                if changed.is_err() {
                    return;
                }
                server.feed.push(ApiEvent::Status { status: Box::new(server.status()) });
            }
            Ok(()) = forwards.changed() => {
                server.feed.push(ApiEvent::Forwards);
                // A range of ports opens in many steps, and listeners hear of all of them at once.
                sleep(TOGETHER).await;
            }
            Ok(()) = shares.changed() => {
                server.feed.push(ApiEvent::Shares);
                sleep(TOGETHER).await;
            }
            Some(Notice { message, hint }) = notices.recv() => {
                server.feed.push(ApiEvent::Notice { message, hint });
            }
        }
    }
}

/// Writes the docker context; what goes wrong is a warning.
fn write_context(folders: &Folders) -> Vec<String> {
    let home = env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let chosen = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let Some(folder) = docker_context::docker_config(chosen, home) else {
        return Vec::new();
    };
    match docker_context::write(&folder, &folders.engine_socket) {
        Ok(Written::Ours) => Vec::new(),
        Ok(Written::Foreign { endpoint }) => vec![format!(
            "docker context `{}` points to {endpoint} and was left alone; remove it with `docker context rm {}`",
            docker_context::NAME,
            docker_context::NAME
        )],
        Err(error) => vec![format!(
            "failed to write a docker context in {}: {error}",
            folder.display()
        )],
    }
}

#[cfg(test)]
pub(crate) mod tests;
