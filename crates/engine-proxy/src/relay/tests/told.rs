//! When the guard hears of an answer.

use std::{collections::BTreeMap, ffi::OsString, time::Duration};

use tokio::sync::watch;

use super::*;
use crate::{guard::ClientIdentity, rewrite::Refusal};

/// Less than any answer.
const SMALL_PIPE_BYTES: usize = 16;
/// Longer than the guard waits for anything. The clock is the test's.
const LIMIT: Duration = Duration::from_secs(120);

const CREATE: &str = "POST /containers/create HTTP/1.1\r\nUser-Agent: Docker-Client/28.5.2 (linux)\r\nContent-Length: 21\r\n\r\n{\"AttachStdout\":true}";
const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 73\r\n\r\n{\"Id\":\"4f0a2c8e6b1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a9c1e3b5d7f9a1c3e5b7d9f01\"}";
const ID: &str = "4f0a2c8e6b1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a9c1e3b5d7f9a1c3e5b7d9f01";
const START: &str = "POST /containers/4f0a2c8e6b1d/start HTTP/1.1\r\n\r\n";
const ATTACH: &str = "POST /containers/4f0a2c8e6b1d/attach?stream=1&stdout=1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const INTERRUPT: &str = "POST /containers/4f0a2c8e6b1d/kill?signal=INT HTTP/1.1\r\n\r\n";
const DONE: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[derive(Debug, PartialEq, Eq)]
enum Act {
    Stop,
    Remove,
}

/// Has one container, whose main process handles no signal, and tells what is done to it.
#[derive(Debug)]
struct Host {
    running: bool,
    acts: mpsc::UnboundedSender<Act>,
}

#[async_trait::async_trait]
impl GuardHost for Host {
    async fn container(&self, _: &str) -> Option<ContainerNow> {
        Some(ContainerNow {
            id: ID.to_owned(),
            name: "web".to_owned(),
            running: self.running,
            paused: false,
            pid: if self.running { 42 } else { 0 },
            tty: false,
            stop_signal: None,
            labels: BTreeMap::new(),
            restart_policy: String::new(),
            run_marker: "first".to_owned(),
        })
    }
    async fn process(&self, _: u32, _: &str) -> Option<ProcessNow> {
        Some(ProcessNow {
            program: "sleep".to_owned(),
            caught: 0,
            blocked: 0,
            ignored: 0,
            terminal: None,
        })
    }
    async fn stop(&self, _: &str, _: Option<i64>) -> Result<(), String> {
        self.acts.send(Act::Stop).map_err(|error| error.to_string())
    }
    async fn remove(&self, _: &str) -> Result<(), String> {
        self.acts.send(Act::Remove).map_err(|error| error.to_string())
    }
    async fn end_exec(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
    fn record(&self, _: Decision) {}
}

#[derive(Debug)]
struct Process(watch::Sender<bool>);

#[async_trait::async_trait]
impl ClientIdentity for Process {
    fn key(&self) -> (u32, u64) {
        (100, 7)
    }

    fn arguments(&self) -> Option<Vec<OsString>> {
        Some(["docker", "run", "x"].map(OsString::from).into())
    }

    async fn exited(&self) -> Option<u32> {
        let mut exits = self.0.subscribe();
        let _ = exits.wait_for(|exited| *exited).await;
        None
    }
}

/// A guard, a container, and one client's process.
struct Scene {
    guard: Guard,
    process: Arc<Process>,
    rewrite: Arc<dyn Rewrite>,
    acts: mpsc::UnboundedReceiver<Act>,
}

impl Scene {
    fn new(running: bool, rewrite: impl Rewrite + 'static) -> Self {
        let (sender, acts) = mpsc::unbounded_channel();
        let host = Host {
            running,
            acts: sender,
        };
        Self {
            guard: Guard::spawn(GuardSettings::default(), Arc::new(host)),
            process: Arc::new(Process(watch::Sender::new(false))),
            rewrite: Arc::new(rewrite),
            acts,
        }
    }

    /// Asks on a connection of its own, and waits until the answer has begun to arrive. If it is `stuck`, its end does
    /// not get out.
    async fn ask(&self, request: &str, answer: &str, stuck: bool) -> (Fixture, DuplexStream) {
        let guard = self.guard.client(Some(Arc::clone(&self.process) as _));
        let pipe_bytes = if stuck { SMALL_PIPE_BYTES } else { PIPE_BYTES };
        let mut t = connect(1, pipe_bytes, Arc::clone(&self.rewrite), guard);
        t.ask(request).await;
        let mut engine = t.engine().await;
        engine.write_all(answer.as_bytes()).await.unwrap();
        let begun = if stuck { 1 } else { answer.len() };
        expect(&mut t.client, &answer[..begun]).await;
        (t, engine)
    }

    /// The process ends, and with it its connections. The engine's ends are still open then.
    async fn die(&self, connections: Vec<(Fixture, DuplexStream)>) {
        for (mut t, _engine) in connections {
            drop(t.client);
            if let Some(go) = t.go.take() {
                let _ = go.send(());
            }
            t.serving.await.unwrap();
        }
        self.process.0.send_replace(true);
    }

    async fn act(&mut self) -> Act {
        let act = tokio::time::timeout(LIMIT, self.acts.recv()).await;
        act.expect("the guard did nothing").unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_dies_before_it_has_read_an_answer_is_known_all_the_same() {
    for stuck in [CREATE, ATTACH, START] {
        let mut scene = Scene::new(true, LeaveAll);
        let mut connections = Vec::new();
        for (request, answer) in [(CREATE, CREATED), (ATTACH, UPGRADED), (START, DONE)] {
            connections.push(scene.ask(request, answer, request == stuck).await);
        }
        scene.die(connections).await;
        assert_eq!(scene.act().await, Act::Stop, "{stuck}");
    }
}

#[tokio::test(start_paused = true)]
async fn guard_acts_on_a_signal_whose_answer_has_not_all_gone_out() {
    let mut scene = Scene::new(true, LeaveAll);
    let _running = [
        scene.ask(CREATE, CREATED, false).await,
        scene.ask(ATTACH, UPGRADED, false).await,
        scene.ask(START, DONE, false).await,
    ];
    // A signal just after the start may have come before the program could say that it handles it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (mut t, _engine) = scene.ask(INTERRUPT, DONE, true).await;
    assert_eq!(scene.act().await, Act::Stop);
    expect(&mut t.client, &DONE[1..]).await;
}

/// Lets every container be removed when it ends.
#[derive(Debug)]
struct AutoRemove;

impl Rewrite for AutoRemove {
    fn wants(&self, _: &str, target: &str) -> bool {
        target == "/containers/create"
    }

    fn rewrite(&self, _: &str, _: &str, _: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        let body = br#"{"AttachStdout":true,"HostConfig":{"AutoRemove":true}}"#;
        Ok(Some(body.to_vec()))
    }
}

#[tokio::test(start_paused = true)]
async fn guard_reads_the_body_that_the_engine_gets() {
    let mut scene = Scene::new(false, AutoRemove);
    let connections = vec![
        scene.ask(CREATE, CREATED, false).await,
        scene.ask(ATTACH, UPGRADED, false).await,
    ];
    scene.die(connections).await;
    assert_eq!(scene.act().await, Act::Remove);
}
