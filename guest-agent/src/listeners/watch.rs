//! Keeps the register's listeners true, and sleeps while there can be none.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt as _, path::Path, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{
    scan::{self, Running},
    table::Row,
    wake::Wake,
};
use crate::{
    engine::{Engine, Layout},
    publish::Publications,
};

/// While somebody may begin to listen.
const SCAN_EVERY: Duration = Duration::from_secs(1);
/// A container's first process comes a moment after its folder.
const SETTLE_POLL: Duration = Duration::from_millis(250);
/// A folder that is left over has no process and never gets one.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);

/// What one look found.
struct Look {
    running: Running,
    is_swarm: bool,
    /// Only when they are worth a look.
    rows: Vec<Row>,
}

/// Keeps telling until the runtime ends.
pub async fn keep_telling(engine: Engine, publications: Publications) {
    let wake = match Wake::new() {
        Ok(wake) => wake,
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "ports of the host network are not forwarded"
            );
            return;
        }
    };
    let layout = engine.layout().clone();
    make(&layout.running_containers());
    let mut seen = Seen::default();
    let mut settle_until = Instant::now() + SETTLE_LIMIT;
    loop {
        // Made by containerd and dockerd; asked for each time, because they may come late or anew.
        wake.watch(&layout.running_containers());
        wake.watch(&layout.swarm());
        let Some(look) = look(&layout).await else { return };
        let is_settling = look.running.is_settling && Instant::now() < settle_until;
        let may_listen = look.running.on_host_network || look.is_swarm;
        tell(&engine, &publications, &mut seen, look).await;
        let pause = if is_settling {
            Some(SETTLE_POLL)
        } else {
            may_listen.then_some(SCAN_EVERY)
        };
        tokio::select! {
            () = wake.changed() => settle_until = Instant::now() + SETTLE_LIMIT,
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
        }
    }
}

async fn look(layout: &Layout) -> Option<Look> {
    let layout = layout.clone();
    let look = spawn_blocking(move || {
        let running = scan::running(&layout.running_containers());
        let is_swarm = layout.is_swarm_member();
        let rows = if running.on_host_network || is_swarm {
            scan::rows()
        } else {
            Vec::new()
        };
        Look {
            running,
            is_swarm,
            rows,
        }
    });
    look.await.ok()
}

/// The sockets that were looked up last.
#[derive(Debug, Default)]
struct Seen {
    rows: Vec<Row>,
    /// Whether they were the same the time before.
    is_settled: bool,
}

/// Looks up whose the sockets are when they are others than before, and once more after that: who made one may have
/// handed it to another process.
async fn tell(engine: &Engine, publications: &Publications, seen: &mut Seen, look: Look) {
    let is_same = seen.rows == look.rows;
    if is_same && seen.is_settled {
        return;
    }
    seen.is_settled = is_same;
    seen.rows.clone_from(&look.rows);
    let dockerd = engine.dockerd_pid().filter(|_| look.is_swarm);
    let found = spawn_blocking(move || scan::listeners(&look.rows, &look.running.containers, dockerd));
    let Ok(mut found) = found.await else { return };
    found.retain(|listener| {
        listener.origin != protocol::ListenerOrigin::Swarm
            || !publications.has(listener.transport, listener.address.port())
    });
    publications.set_listeners(found);
}

/// So that the first container is noticed. As containerd makes it.
fn make(folder: &Path) {
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o711).create(folder) {
        tracing::warn!(folder = %folder.display(), %error, "folder not made");
    }
}
