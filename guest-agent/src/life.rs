//! The agent's life after the fork: link, parts, requests, orderly end. One thread; blocking work goes to others.
//!
//! ```text
//!   machine   engine's modules ─┐            process
//!             data disk ────────┼─► engine             loopback ──► engine
//!             network ──────────┘ (does not wait for it)
//!   both      the host's shares are mounted, or the host was waited for ──► dockerd
//!   both      link ──► answers from the first moment ──► shutdown ──► engine ends ──► disk unmounted ──► exit 0
//! ```

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use link::{Carrier, Lane, Link, Side};
use protocol::{DataDisk, Event};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    agent::Agent,
    board::Board,
    data_disk::{MOUNT_POINT, Mounted},
    engine::{Engine, Layout},
    entropy,
    kernel_words::{LinkKind, NetKind},
    limits, listeners, modules, network, ports, publish,
    ring::LogRing,
    sysctl,
};

/// The last event may take this long to leave; a host that is not there does not hold the power-off up.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// The engine waits no longer for what the host shares.
const SHARES_LIMIT: Duration = Duration::from_secs(20);

/// Unmounting waits for nobody, so it does not take as long.
const UNMOUNT_LIMIT: Duration = Duration::from_secs(10);

/// How the agent was started.
#[derive(Clone, Debug)]
pub enum Profile {
    /// In a VM of its own.
    Machine {
        /// What carries the link.
        link: LinkKind,
        /// How it gets an address.
        net: NetKind,
    },
    /// As a process in private namespaces of a host.
    Process {
        /// Folder of the sockets that carry the lanes.
        lanes: PathBuf,
        /// Folder for what the engine keeps.
        state: PathBuf,
    },
}

/// Lives until an orderly shutdown is done. An error means that the agent could not even begin.
pub fn live(profile: Profile, board: Board, log: LogRing) -> anyhow::Result<()> {
    limits::protect_agent();
    limits::raise_own_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(512 * 1024)
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(run(profile, board, log));
    // Blocking work that hangs must not hold the power-off up.
    runtime.shutdown_background();
    Ok(())
}

async fn run(profile: Profile, board: Board, log: LogRing) {
    let own_machine = matches!(profile, Profile::Machine { .. });
    let (agent, mut asked) = Agent::new(board, log, own_machine);
    let (link, mut incoming) = Link::new(Side::Guest, protocol::GENERATION, carriers(&profile));
    let answering = agent.clone();
    tokio::spawn(async move {
        while let Some(arrival) = incoming.next().await {
            ports::answer(&answering, arrival);
        }
    });
    let starting = agent.clone();
    tokio::spawn(async move {
        match profile {
            Profile::Machine { net, .. } => start_machine(starting, net).await,
            Profile::Process { state, .. } => start_process(starting, &state).await,
        }
    });
    // The sender lives in `agent`.
    let grace = asked.recv().await.unwrap_or_default();
    tracing::info!(
        grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        "shutdown begins"
    );
    end(&agent, grace).await;
    link.close();
}

fn carriers(profile: &Profile) -> Vec<(Lane, Box<dyn Carrier>)> {
    Lane::ALL
        .into_iter()
        .map(|lane| {
            let carrier: Box<dyn Carrier> = match profile {
                Profile::Machine {
                    link: LinkKind::Serial,
                    ..
                } => Box::new(link::serial_port(lane)),
                Profile::Machine {
                    link: LinkKind::Vsock,
                    ..
                } => Box::new(link::vsock_listener(lane)),
                Profile::Process { lanes, .. } => {
                    Box::new(link::unix_dialer(lanes.join(format!("{}.sock", lane.name()))))
                }
            };
            (lane, carrier)
        })
        .collect()
}

async fn start_machine(agent: Agent, net: NetKind) {
    let engine_modules = tokio::spawn({
        let (board, shares) = (agent.board.clone(), agent.shares.clone());
        async move {
            let loaded = spawn_blocking(|| {
                let loaded = modules::load_all(Path::new(modules::ENGINE_ORDER));
                // Some settings exist only once their module is there.
                sysctl::apply_all();
                loaded
            })
            .await;
            if let Ok(loaded) = loaded {
                tracing::info!(
                    count = loaded.count,
                    failed = loaded.failed.len(),
                    "engine modules loaded"
                );
            }
            shares.note_ready();
            board.pass_stage("engine modules");
        }
    });
    let network = spawn_blocking(move || {
        network::set_host_name();
        network::bring_up_loopback().and_then(|()| network::bring_up_card(net))
    });
    let board = agent.board.clone();
    tokio::spawn(async move {
        match network.await {
            Ok(Ok(())) => board.pass_stage("network"),
            Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "network not set up"),
            Err(error) => tracing::error!(%error, "network not set up"),
        }
    });
    let mounted = spawn_blocking(Mounted::mount)
        .await
        .context("the task ended")
        .flatten();
    match mounted {
        Ok(disk) => {
            agent.set_data_disk(disk);
            agent.board.pass_stage("data disk");
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "data disk unusable");
            agent.board.set_data_disk(DataDisk::Unusable {
                reason: format!("{error:#}"),
            });
            return;
        }
    }
    let modules_ready = async {
        // It ends with an error only when it panicked; dockerd then tells what is missing.
        let _ = engine_modules.await;
    };
    start_engine(&agent, Layout::machine(), modules_ready).await;
    tidy_disk(agent).await;
}

async fn start_process(agent: Agent, state: &Path) {
    network::set_host_name();
    sysctl::allow_addresses_of_the_host();
    agent.shares.note_ready();
    match network::bring_up_loopback() {
        Ok(()) => agent.board.pass_stage("network"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "network not set up"),
    }
    start_engine(&agent, Layout::process(state), std::future::ready(())).await;
}

async fn start_engine(agent: &Agent, layout: Layout, modules_ready: impl Future<Output = ()>) {
    attend_to_ports(agent, &layout).await;
    let ready = async {
        tokio::join!(modules_ready, shares_set(agent));
    };
    let (containerd, dockerd) = (agent.logs.containerd.clone(), agent.logs.engine.clone());
    let engine = Engine::start(
        layout,
        agent.surroundings.clone(),
        agent.board.clone(),
        containerd,
        dockerd,
        ready,
    )
    .await;
    tokio::spawn(listeners::keep_telling(
        engine.clone(),
        agent.publications.clone(),
    ));
    agent.set_engine(engine);
}

/// Before dockerd: containers that it starts by itself find their files. A host that says nothing does not hold it up.
async fn shares_set(agent: &Agent) {
    if timeout(SHARES_LIMIT, agent.shares.first_set()).await.is_err() {
        tracing::warn!("host did not say what it shares; the engine starts without");
    }
    agent.board.pass_stage("shares");
}

/// Before dockerd: the first that it does may be to start a container that publishes ports.
async fn attend_to_ports(agent: &Agent, layout: &Layout) {
    let folder = layout.publish();
    let runtime = tokio::runtime::Handle::current();
    let installed = spawn_blocking(move || {
        let _runtime = runtime.enter();
        publish::install(&folder)
    });
    match installed.await.context("the task ended").flatten() {
        Ok(socket) => {
            let (publications, board) = (agent.publications.clone(), agent.board.clone());
            tokio::spawn(publish::serve(socket, publications, board));
        }
        // dockerd says so to everybody who publishes a port.
        Err(error) => tracing::error!(error = format!("{error:#}"), "ports cannot be published"),
    }
}

/// What can wait until the engine is on its way: growing, and a new random seed.
async fn tidy_disk(agent: Agent) {
    let Some(disk) = agent.data_disk().cloned() else {
        return;
    };
    let disk = Arc::new(disk);
    let task = Arc::clone(&disk);
    let grown = spawn_blocking(move || {
        entropy::reseed(Path::new(MOUNT_POINT));
        task.grow()
    });
    match grown.await {
        Ok(Ok(true)) => agent.board.set_data_disk(disk.describe()),
        Ok(Ok(false)) => {}
        Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "data disk not grown"),
        Err(error) => tracing::error!(%error, "data disk not grown"),
    }
}

/// Before what is left is ended: nothing that waits for the host can end.
async fn unmount_shares(agent: &Agent) {
    let shares = agent.shares.clone();
    let unmounted = spawn_blocking(move || shares.close());
    if timeout(UNMOUNT_LIMIT, unmounted).await.is_err() {
        tracing::warn!("shares not unmounted in time");
    }
}

async fn end(agent: &Agent, grace: Duration) {
    if let Some(engine) = agent.engine() {
        engine.stop(grace).await;
    }
    unmount_shares(agent).await;
    crate::processes::end_all().await;
    agent.board.tell(Event::PoweringOff);
    if timeout(FAREWELL_LIMIT, agent.board.farewell_sent())
        .await
        .is_err()
    {
        tracing::info!("no host to say farewell to");
    }
    if let Some(disk) = agent.data_disk()
        && let Err(error) = disk.unmount()
    {
        // Its journal is replayed at the next start.
        tracing::warn!(error = format!("{error:#}"), "data disk not unmounted");
    }
}
