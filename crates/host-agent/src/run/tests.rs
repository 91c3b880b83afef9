//! A whole host agent in this process, with a scripted machine.

use std::{path::Path, sync::Arc, time::Duration};

use api::{Client, MachineState, StartRequest};
use platform::LocalAddress;
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::*;
use crate::settings::HostSize;
use crate::supervisor::tests::fake::{Guest, ScriptedDriver};

/// Generous: nothing waits for it unless something is wrong.
const LIMIT: Duration = Duration::from_secs(60);

/// Folders of a host agent, private and there.
pub(crate) fn folders_below(home: &Path) -> Folders {
    let [config, data, state, logs, cache, run] =
        ["config", "data", "state", "logs", "cache", "run"].map(|name| home.join(name));
    let folders = Folders {
        engine_socket: LocalAddress::unix(run.join("docker.sock")),
        api_socket: LocalAddress::unix(run.join("api.sock")),
        config,
        data,
        state,
        logs,
        cache,
        run,
    };
    folders.create().unwrap();
    folders
}

struct Running {
    client: Client,
    driver: ScriptedDriver,
    signals: Arc<Semaphore>,
    serving: JoinHandle<anyhow::Result<Outcome>>,
    folders: Folders,
    _home: tempfile::TempDir,
}

fn serve(
    folders: &Folders,
    driver: &ScriptedDriver,
    signals: &Arc<Semaphore>,
) -> JoinHandle<anyhow::Result<Outcome>> {
    let host_agent = HostAgent {
        folders: folders.clone(),
        provision: Arc::new(driver.clone()),
        rewrite: RewriteSettings::default(),
        settings: Settings {
            context: false,
            share_home: false,
            ..Settings::defaults(HostSize {
                cpus: 2,
                memory_mib: 4096,
            })
        },
    };
    let signals = Arc::clone(signals);
    let signal = move || {
        let signals = Arc::clone(&signals);
        async move { signals.acquire().await.unwrap().forget() }
    };
    tokio::spawn(host_agent.serve(signal))
}

async fn running(guest: Guest) -> Running {
    let home = tempfile::tempdir().unwrap();
    let folders = folders_below(home.path());
    let (driver, signals) = (ScriptedDriver::new(guest), Arc::new(Semaphore::new(0)));
    let serving = serve(&folders, &driver, &signals);
    let connected = async {
        loop {
            match Client::connect(&folders.api_socket).await {
                Ok(client) => return client,
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let client = timeout(LIMIT, connected).await.unwrap();
    Running {
        client,
        driver,
        signals,
        serving,
        folders,
        _home: home,
    }
}

impl Running {
    async fn start(&self) {
        let request = StartRequest {
            wait: true,
            timeout_ms: None,
        };
        let status = self.client.start(&request).await.unwrap();
        assert_eq!(status.machine.state, MachineState::Running);
        assert_eq!(status.engine.version.as_deref(), Some("28.5.2"));
        assert_eq!(status.machine.guest_agent.as_deref(), Some("0"));
    }

    async fn ended(&mut self) -> Outcome {
        timeout(LIMIT, &mut self.serving).await.unwrap().unwrap().unwrap()
    }
}

#[tokio::test]
async fn quit_is_answered_when_the_machine_is_down() {
    let mut running = running(Guest::Well).await;
    running.start().await;
    running.client.quit().await.unwrap();
    assert_eq!((running.driver.alive(), running.driver.kills()), (0, 0));
    assert_eq!(running.ended().await, Outcome::Ended);
    assert!(Client::connect(&running.folders.api_socket).await.is_err());
    let lock = platform::OwnerLock::try_acquire(&running.folders.owner_lock()).unwrap();
    assert!(lock.is_some());
}

#[tokio::test]
async fn signal_stops_the_machine_in_order() {
    let mut running = running(Guest::Well).await;
    running.start().await;
    running.signals.add_permits(1);
    let driver = running.driver.clone();
    assert_eq!(running.ended().await, Outcome::Ended);
    assert_eq!((driver.alive(), driver.kills()), (0, 0));
}

#[tokio::test]
async fn second_signal_does_not_wait_for_a_machine_that_hangs() {
    let mut running = running(Guest::StuckLaunch).await;
    let request = StartRequest {
        wait: false,
        timeout_ms: None,
    };
    running.client.start(&request).await.unwrap();
    running.signals.add_permits(2);
    assert_eq!(running.ended().await, Outcome::Ended);
}

#[tokio::test]
async fn client_that_asked_to_quit_and_went_is_obeyed() {
    let mut running = running(Guest::Well).await;
    running.start().await;
    let client = running.client.clone();
    let asking = tokio::spawn(async move { client.quit().await });
    let stopping = async {
        while matches!(running.client.status().await, Ok(status) if status.machine.state == MachineState::Running)
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, stopping).await.unwrap();
    asking.abort();
    let driver = running.driver.clone();
    assert_eq!(running.ended().await, Outcome::Ended);
    assert_eq!((driver.alive(), driver.kills()), (0, 0));
}

#[tokio::test]
async fn second_host_agent_gives_way_and_names_the_first() {
    let running = running(Guest::Well).await;
    let second = serve(&running.folders, &running.driver, &running.signals);
    let outcome = timeout(LIMIT, second).await.unwrap().unwrap().unwrap();
    let holder = format!("process {}", std::process::id());
    assert_eq!(outcome, Outcome::AlreadyServed { holder });
    running.client.status().await.unwrap();
}
