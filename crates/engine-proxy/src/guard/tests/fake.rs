//! A container, a client and a host, all made up.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::guard::{
    Action, Attachment, Client, ClientIdentity, ContainerNow, CreateFacts, Decision, Guard, GuardHost,
    GuardMode, GuardSettings, ProcessNow, Rule, TerminalNow,
};

pub(super) const ID: &str = "4f0a2c8e6b1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a9c1e3b5d7f9a1c3e5b7d9f01";
pub(super) const NAME: &str = "web";

pub(super) const INT: u64 = 1 << 1;
pub(super) const TERM: u64 = 1 << 14;

/// What the fake host holds.
#[derive(Debug)]
pub(super) struct World {
    /// Whether anything can be asked.
    pub(super) reachable: bool,
    pub(super) container: ContainerNow,
    pub(super) process: ProcessNow,
    pub(super) stop_fails: bool,
    /// What was really done.
    pub(super) stops: Vec<Option<i64>>,
    pub(super) removed: u32,
    pub(super) execs_ended: Vec<String>,
    pub(super) decisions: Vec<Decision>,
    pub(super) looks: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Host(pub(super) Arc<Mutex<World>>);

#[async_trait]
impl GuardHost for Host {
    async fn container(&self, container: &str) -> Option<ContainerNow> {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let mut world = self.0.lock().unwrap();
        world.looks += 1;
        let known = container == world.container.id || container == world.container.name;
        (world.reachable && known).then(|| world.container.clone())
    }

    async fn process(&self, pid: u32, container: &str) -> Option<ProcessNow> {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let world = self.0.lock().unwrap();
        let known = container == world.container.id && pid == world.container.pid && world.container.running;
        (world.reachable && known).then(|| world.process.clone())
    }

    async fn stop(&self, container: &str, timeout_s: Option<i64>) -> Result<(), String> {
        let mut world = self.0.lock().unwrap();
        assert_eq!(container, world.container.id);
        world.stops.push(timeout_s);
        if world.stop_fails {
            return Err("the engine said no".to_owned());
        }
        world.container.running = false;
        Ok(())
    }

    async fn remove(&self, container: &str) -> Result<(), String> {
        let mut world = self.0.lock().unwrap();
        assert_eq!(container, world.container.id);
        assert!(!world.container.running, "a running container is not removed");
        world.removed += 1;
        Ok(())
    }

    async fn end_exec(&self, exec: &str) -> Result<(), String> {
        self.0.lock().unwrap().execs_ended.push(exec.to_owned());
        Ok(())
    }

    fn record(&self, decision: Decision) {
        self.0.lock().unwrap().decisions.push(decision);
    }
}

/// A client's process.
#[derive(Debug)]
pub(super) struct FakeProcess {
    pid: u32,
    arguments: Option<Vec<OsString>>,
    exit: watch::Sender<Option<Option<u32>>>,
}

impl FakeProcess {
    pub(super) fn new(pid: u32, line: Option<&str>) -> Arc<Self> {
        let words = |line: &str| line.split(' ').map(OsString::from).collect();
        Arc::new(Self {
            pid,
            arguments: line.map(words),
            exit: watch::Sender::new(None),
        })
    }

    pub(super) fn exit(&self, code: Option<u32>) {
        self.exit.send_replace(Some(code));
    }
}

#[async_trait]
impl ClientIdentity for FakeProcess {
    fn key(&self) -> (u32, u64) {
        (self.pid, 7)
    }

    fn arguments(&self) -> Option<Vec<OsString>> {
        self.arguments.clone()
    }

    async fn exited(&self) -> Option<u32> {
        let mut exits = self.exit.subscribe();
        let exit = exits.wait_for(Option::is_some).await;
        exit.ok().and_then(|code| *code).flatten()
    }
}

pub(super) fn facts(tty: bool) -> CreateFacts {
    CreateFacts {
        tty,
        attached: true,
        user_agent: "Docker-Client/28.5.2 (linux)".to_owned(),
        ..CreateFacts::default()
    }
}

/// A guard and its world.
pub(super) struct Bench {
    pub(super) guard: Guard,
    pub(super) host: Host,
}

impl Bench {
    /// The container is a `sleep`: it handles no signal.
    pub(super) fn new(mode: GuardMode) -> Self {
        let container = ContainerNow {
            id: ID.to_owned(),
            name: NAME.to_owned(),
            running: false,
            paused: false,
            pid: 0,
            tty: false,
            stop_signal: None,
            labels: BTreeMap::new(),
            restart_policy: "no".to_owned(),
            run_marker: String::new(),
        };
        let process = ProcessNow {
            program: "sleep".to_owned(),
            caught: 0,
            blocked: 0,
            ignored: 0,
            terminal: None,
        };
        let host = Host(Arc::new(Mutex::new(World {
            reachable: true,
            container,
            process,
            stop_fails: false,
            stops: Vec::new(),
            removed: 0,
            execs_ended: Vec::new(),
            decisions: Vec::new(),
            looks: 0,
        })));
        let settings = GuardSettings {
            mode,
            ..GuardSettings::default()
        };
        Self {
            guard: Guard::spawn(settings, Arc::new(host.clone())),
            host,
        }
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.host.0.lock().unwrap())
    }

    /// The main process catches these signals.
    pub(super) fn catches(&self, caught: u64) {
        self.with(|world| world.process.caught = caught);
    }

    /// Begins a run of the container.
    pub(super) fn begin(&self, marker: &str) {
        self.with(|world| {
            world.container.running = true;
            world.container.pid = 42;
            world.container.run_marker = marker.to_owned();
        });
    }

    pub(super) fn ends(&self) {
        self.with(|world| world.container.running = false);
    }

    /// What `docker run` does, a second ago.
    pub(super) async fn run(&self, facts: CreateFacts) -> Foreground {
        let process = FakeProcess::new(100, Some("docker run web"));
        self.run_by(Some(process), facts).await
    }

    pub(super) async fn run_by(&self, process: Option<Arc<FakeProcess>>, facts: CreateFacts) -> Foreground {
        // Each request may come on a connection of its own.
        let connect = || {
            let process = process.clone();
            self.guard
                .client(process.map(|process| process as Arc<dyn ClientIdentity>))
        };
        let tty = facts.tty;
        self.with(|world| {
            world.container.tty = tty;
            world.process.terminal = tty.then_some(TerminalNow {
                signals_on: true,
                foreground: true,
            });
        });
        connect().created(ID, facts);
        let attachment = connect().attached(ID, tty);
        self.begin("first");
        connect().started(ID);
        pass(1500).await;
        let client = connect();
        Foreground {
            process,
            client,
            attachment,
        }
    }

    /// A client that has nothing to do with the container yet.
    pub(super) fn other(&self) -> Client {
        self.guard
            .client(Some(FakeProcess::new(200, Some("docker attach web"))))
    }

    pub(super) fn stops(&self) -> Vec<Option<i64>> {
        self.with(|world| world.stops.clone())
    }

    pub(super) fn decisions(&self) -> Vec<Decision> {
        self.with(|world| world.decisions.clone())
    }

    /// Rules and actions in the journal.
    pub(super) fn journal(&self) -> Vec<(Rule, Action)> {
        let decisions = self.decisions();
        decisions
            .into_iter()
            .map(|decision| (decision.rule, decision.action))
            .collect()
    }

    /// Whether nothing was done.
    pub(super) fn is_untouched(&self) -> bool {
        self.with(|world| world.stops.is_empty() && world.removed == 0 && world.execs_ended.is_empty())
    }

    /// Nothing was done, nothing recorded.
    pub(super) fn assert_quiet(&self) {
        assert!(self.is_untouched());
        assert_eq!(self.decisions(), []);
    }
}

/// A `docker run` that is under way.
pub(super) struct Foreground {
    pub(super) process: Option<Arc<FakeProcess>>,
    pub(super) client: Client,
    pub(super) attachment: Attachment,
}

impl Foreground {
    pub(super) fn sends(&self, signal: &str) {
        self.client.signalled(ID, signal);
    }

    pub(super) fn exits(&self, code: Option<u32>) {
        self.process.as_ref().unwrap().exit(code);
    }
}

/// Lets time go by.
pub(super) async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

pub(super) const STOP: Action = Action::Stop { timeout_s: None };
pub(super) const STOP_SOON: Action = Action::Stop { timeout_s: Some(1) };
