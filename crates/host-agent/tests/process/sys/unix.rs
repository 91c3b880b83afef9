//! Signals and limits of Unix hosts.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use api::{Client, MachineState};
use platform::{LocalAddress, LocalStream};
use tokio::time::{sleep, timeout};

/// Generous: nothing waits for it unless something is wrong.
const LIMIT: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// A running host agent in a home of its own. Killed when dropped.
struct HostAgent {
    child: Child,
    home: tempfile::TempDir,
}

/// The program in a home, begun by `shell` words that end with `exec`.
fn command(home: &Path, shell: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("{shell} \"$0\""),
            env!("CARGO_BIN_EXE_pinnace-host-agent"),
        ])
        .env("PINNACE_HOME", home)
        .env("DOCKER_CONFIG", home.join("docker"))
        .env_remove("PINNACE_VM_IMAGE")
        .env_remove("PINNACE_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl HostAgent {
    async fn start(shell: &str) -> Self {
        let home = tempfile::Builder::new().prefix("pn").tempdir().unwrap();
        let child = command(home.path(), shell).spawn().unwrap();
        let running = Self { child, home };
        running.client().await;
        running
    }

    fn api(&self) -> LocalAddress {
        LocalAddress::unix(self.home.path().join("run/api.sock"))
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("logs/host-agent.log")
    }

    async fn client(&self) -> Client {
        until(async || Client::connect(&self.api()).await.ok()).await
    }

    /// Sends a signal to it by name.
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    async fn ended(&mut self) -> ExitStatus {
        until(async || self.child.try_wait().unwrap()).await
    }
}

impl Drop for HostAgent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    timeout(LIMIT, found).await.unwrap()
}

#[tokio::test]
async fn signal_to_end_is_followed_in_order() {
    for name in ["TERM", "INT", "HUP"] {
        let mut host_agent = HostAgent::start("exec").await;
        host_agent.signal(name);
        assert!(host_agent.ended().await.success(), "{name}");
        let log = fs::read_to_string(host_agent.log()).unwrap();
        assert!(log.contains("host agent ends"), "{name}: {log}");
        assert!(!host_agent.home.path().join("run/api.sock").exists(), "{name}");
    }
}

#[tokio::test]
async fn second_one_ends_well_and_says_who_is_first() {
    let host_agent = HostAgent::start("exec").await;
    let home = host_agent.home.path().to_owned();
    let Output { status, stderr, .. } =
        tokio::task::spawn_blocking(move || command(&home, "exec").output().unwrap())
            .await
            .unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(
        String::from_utf8(stderr).unwrap(),
        format!(
            "pinnace-host-agent: the host agent already runs (process {})\n",
            host_agent.child.id()
        )
    );
    let status = host_agent.client().await.status().await.unwrap();
    assert_eq!(status.host_agent.pid, host_agent.child.id());
}

#[tokio::test]
async fn killed_one_leaves_nothing_that_hinders_the_next() {
    let mut host_agent = HostAgent::start("exec").await;
    host_agent.child.kill().unwrap();
    host_agent.ended().await;
    assert!(host_agent.home.path().join("run/api.sock").exists());
    host_agent.child = command(host_agent.home.path(), "exec").spawn().unwrap();
    let pid = host_agent.child.id();
    assert_eq!(
        host_agent.client().await.status().await.unwrap().host_agent.pid,
        pid
    );
}

#[tokio::test]
async fn connections_beyond_its_file_descriptors_do_not_end_it() {
    let mut host_agent = HostAgent::start("ulimit -n 48; exec").await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(LocalStream::connect(&host_agent.api()).await.unwrap());
    }
    let log = host_agent.log();
    until(async || {
        fs::read_to_string(&log)
            .unwrap()
            .contains("api connection not accepted")
            .then_some(())
    })
    .await;
    drop(held);
    let client = host_agent.client().await;
    assert_eq!(
        client.status().await.unwrap().machine.state,
        MachineState::Stopped
    );
    client.quit().await.unwrap();
    assert!(host_agent.ended().await.success());
}
