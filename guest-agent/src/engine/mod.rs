//! The engine: containerd and dockerd, started side by side, kept, probed, and ended in order.
//!
//! dockerd is started without waiting for containerd: it tries containerd's socket every 10 ms until it appears
//! (containerd, pkg/dialer), and its own start overlaps with containerd's.

mod backoff;
mod capture;
mod daemon;
mod http;
mod keeper;
mod layout;
mod probe;
mod stop;
mod surroundings;
mod swarm;

use std::{path::PathBuf, sync::Arc, time::Duration};

use protocol::EngineState;
use tokio::sync::Notify;

use self::{daemon::Daemon, keeper::Keeper};
pub use self::{daemon::PATH, layout::Layout, surroundings::Surroundings, swarm::begins_membership};
use crate::{board::Board, ring::LogRing};

/// How soon containerd's socket is noticed, for the boot stage.
const SOCKET_POLL: Duration = Duration::from_millis(20);

/// A running engine. Clones share it.
#[derive(Clone, Debug)]
pub struct Engine {
    layout: Layout,
    board: Board,
    containerd: Keeper,
    dockerd: Keeper,
    dockerd_log: LogRing,
    used: Arc<Notify>,
}

impl Engine {
    /// Starts both daemons. dockerd comes when `modules_ready` resolves: it needs the kernel's modules for networks.
    pub async fn start(
        layout: Layout,
        surroundings: Surroundings,
        board: Board,
        containerd_log: LogRing,
        dockerd_log: LogRing,
        modules_ready: impl Future<Output = ()>,
    ) -> Self {
        board.set_engine(EngineState::Starting);
        let containerd = Keeper::start(
            Daemon::Containerd,
            layout.clone(),
            surroundings.clone(),
            containerd_log,
        );
        tokio::spawn(note_containerd(layout.containerd_socket.clone(), board.clone()));
        modules_ready.await;
        let dockerd = Keeper::start(Daemon::Dockerd, layout.clone(), surroundings, dockerd_log.clone());
        board.pass_stage("engine launched");
        let used = Arc::new(Notify::new());
        tokio::spawn(probe::keep_probing(
            layout.clone(),
            dockerd.clone(),
            board.clone(),
            Arc::clone(&used),
        ));
        Self {
            layout,
            board,
            containerd,
            dockerd,
            dockerd_log,
            used,
        }
    }

    /// dockerd's socket.
    pub fn socket(&self) -> PathBuf {
        self.layout.docker_socket.clone()
    }

    /// Where its files are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// dockerd's process, while it runs.
    pub fn dockerd_pid(&self) -> Option<u32> {
        self.dockerd.pid()
    }

    /// Notes that somebody asks dockerd for something: it is looked after more closely then.
    pub fn note_use(&self) {
        self.used.notify_one();
    }

    /// Restarts both daemons; containers live on. Resolves when the old ones are gone.
    pub async fn restart(&self) {
        tracing::info!("engine restarts");
        tokio::join!(self.containerd.restart(), self.dockerd.restart());
    }

    /// Prepares dockerd for a request that makes it a member of a swarm.
    pub async fn allow_swarm(&self) {
        if let Some(pid) = self.dockerd.pid()
            && !self.layout.is_swarm_member()
        {
            swarm::turn_live_restore_off(&self.layout, pid).await;
        }
    }

    /// Ends everything in order. Containers have that long to stop.
    pub async fn stop(&self, grace: Duration) {
        stop::stop(self, grace).await;
        self.board.set_engine(EngineState::Stopped);
    }
}

async fn note_containerd(socket: PathBuf, board: Board) {
    while !socket.exists() {
        tokio::time::sleep(SOCKET_POLL).await;
    }
    board.pass_stage("containerd");
}
