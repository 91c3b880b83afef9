//! Ends the engine in order.
//!
//! dockerd itself stops the containers, each with its own stop signal and grace, because only then does it know that
//! the machine and not the user stopped them: `--restart unless-stopped` brings them back at the next start. With
//! live-restore on it would leave them running, so that is turned off first (a reload, then SIGTERM).

use std::{fs, path::Path, time::Duration};

use protocol::Event;
use tokio::time::{Instant, interval, sleep};

use super::{Engine, keeper::signal, swarm};

/// dockerd's own work after its containers are gone.
const DOCKERD_LIMIT: Duration = Duration::from_secs(20);
const CONTAINERD_LIMIT: Duration = Duration::from_secs(5);
const COUNT_POLL: Duration = Duration::from_millis(200);
/// How long dockerd may take to notice the reload before it is told to end.
const RELOAD_LIMIT: Duration = Duration::from_secs(3);

/// Stops containers, dockerd and containerd. Containers that are left after the grace are killed.
pub async fn stop(engine: &Engine, grace: Duration) {
    let folder = engine.layout.running_containers();
    let remaining = count(&folder);
    engine.board.tell(Event::ShuttingDown { remaining });
    if let Some(dockerd) = engine.dockerd.pid()
        && remaining > 0
    {
        let watch = engine.dockerd_log.watch();
        if swarm::reload(&engine.layout, dockerd, Some(grace.as_secs().max(1))) {
            wait_for_reload(engine, watch).await;
        }
    }
    let ending = engine.dockerd.stop(grace + DOCKERD_LIMIT);
    tokio::pin!(ending);
    let end = Instant::now() + grace;
    let mut ticks = interval(COUNT_POLL);
    let mut told = remaining;
    let mut killed = false;
    loop {
        tokio::select! {
            () = &mut ending => break,
            _ = ticks.tick() => {}
        }
        let remaining = count(&folder);
        if remaining != told {
            told = remaining;
            engine.board.tell(Event::ShuttingDown { remaining });
        }
        if remaining > 0 && !killed && Instant::now() >= end {
            killed = true;
            tracing::warn!(remaining, "containers did not stop in time and are killed");
            kill_all(&folder);
        }
    }
    engine.containerd.stop(CONTAINERD_LIMIT).await;
}

/// Waits for dockerd's own record of the reload. Without it the SIGTERM goes out all the same after a while.
async fn wait_for_reload(engine: &Engine, mut watch: tokio::sync::watch::Receiver<u64>) {
    let mut next = *watch.borrow_and_update();
    let seen = async {
        loop {
            let taken = engine.dockerd_log.since(next);
            next = taken.next;
            // Written at the end of a reload (moby, daemon/command: "Reloaded configuration").
            if taken
                .lines
                .iter()
                .any(|line| line.contains("Reloaded configuration"))
                || watch.changed().await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        () = seen => {}
        () = sleep(RELOAD_LIMIT) => tracing::warn!("dockerd did not confirm the reload"),
    }
}

/// How many containers run: containerd keeps a folder for each.
fn count(folder: &Path) -> u32 {
    let entries = fs::read_dir(folder).map(Iterator::count).unwrap_or_default();
    u32::try_from(entries).unwrap_or(u32::MAX)
}

/// Kills the first process of every container; the kernel ends the others with it.
fn kill_all(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let pid = fs::read_to_string(entry.path().join("init.pid"))
            .ok()
            .and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid.filter(|pid| *pid > 1) {
            signal(pid, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_folders_of_running_containers() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        assert_eq!(count(folder.path()), 2);
        assert_eq!(count(&folder.path().join("missing")), 0);
    }

    #[test]
    fn kill_all_kills_the_process_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::create_dir(folder.path().join("broken")).unwrap();
        fs::write(folder.path().join("a/init.pid"), child.id().to_string()).unwrap();
        fs::write(folder.path().join("broken/init.pid"), "-1").unwrap();
        kill_all(folder.path());
        assert!(!child.wait().unwrap().success());
    }
}
