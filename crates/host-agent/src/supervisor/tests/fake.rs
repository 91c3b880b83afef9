//! A driver and a guest that do what a test says.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use api::{ApiError, ResetPlan, ResetRequest, VmImageInfo};
use async_trait::async_trait;
use link::{Carrier, Incoming, Lane, Link, RawStream, Side};
use machine::{
    Accelerator, AcceleratorChoice, Capabilities, Driver, DriverError, DriverEvent, Exit, Instance,
    LinkChoice, MachineSpec, MachineState, Verdict, VmImagePaths,
};
use protocol::{
    EngineState, Event, Facts, FrameDecoder, GuestFrame, HostFrame, MountedShare, Reply, Request, encode,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, watch},
};

use super::super::{Limits, MachineSettings, Provision, Provisioned, Supervisor, SupervisorConfig};
use crate::notice::Notice;

/// How long a guest takes to power off.
const POWER_OFF: Duration = Duration::from_secs(1);

/// How the guest behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guest {
    Well,
    StuckCheck,
    StuckLaunch,
    Silent,
    NoEngine,
    EngineStarting,
    AcceleratorFails,
}

#[derive(Default)]
struct Counters {
    launches: AtomicUsize,
    alive: AtomicUsize,
    kills: AtomicUsize,
    resumes: AtomicUsize,
    free_space: AtomicU64,
    guest_link: Mutex<Option<Link>>,
    events: Mutex<Option<mpsc::UnboundedSender<DriverEvent>>>,
    /// Whether the guest was asked to mount shares, and whether it does not answer that yet.
    shares_asked: watch::Sender<bool>,
    shares_held: watch::Sender<bool>,
}

impl Counters {
    /// The clocks of a guest whose CPUs stand still do so too: it misses no heartbeat.
    fn stand_still(&self, still: bool) {
        if let Some(link) = self.guest_link.lock().unwrap().as_ref() {
            link.suspend_heartbeat(still);
        }
    }
}

/// A supervisor on a scripted host.
pub(crate) struct Bench {
    pub(crate) supervisor: Supervisor,
    counters: Arc<Counters>,
    _notices: mpsc::UnboundedReceiver<Notice>,
}

impl Bench {
    pub(crate) fn new(guest: Guest) -> Self {
        Self::of(ScriptedDriver::new(guest))
    }

    /// One whose settings say that a crashed machine stays down.
    pub(crate) fn without_restart(guest: Guest) -> Self {
        Self::of(ScriptedDriver {
            restart: false,
            ..ScriptedDriver::new(guest)
        })
    }

    fn of(driver: ScriptedDriver) -> Self {
        let counters = Arc::clone(&driver.counters);
        let driver = Arc::new(driver);
        let (notices, received) = mpsc::unbounded_channel();
        let supervisor = Supervisor::spawn(SupervisorConfig {
            provision: driver,
            limits: Limits::default(),
            notices,
        });
        Self {
            supervisor,
            counters,
            _notices: received,
        }
    }

    pub(crate) fn launches(&self) -> usize {
        self.counters.launches.load(Ordering::SeqCst)
    }

    pub(crate) fn alive(&self) -> usize {
        self.counters.alive.load(Ordering::SeqCst)
    }

    pub(crate) fn kills(&self) -> usize {
        self.counters.kills.load(Ordering::SeqCst)
    }

    pub(crate) fn resumes(&self) -> usize {
        self.counters.resumes.load(Ordering::SeqCst)
    }

    pub(crate) fn set_free_space(&self, bytes: u64) {
        self.counters.free_space.store(bytes, Ordering::SeqCst);
    }

    /// Whether the guest keeps its answer to a request for shares back.
    pub(crate) fn hold_shares(&self, is_held: bool) {
        self.counters.shares_held.send_replace(is_held);
    }

    /// Waits until the guest was asked for shares.
    pub(crate) async fn until_asked_for_shares(&self) {
        let mut asked = self.counters.shares_asked.subscribe();
        let found = tokio::time::timeout(Duration::from_secs(3600), asked.wait_for(|asked| *asked)).await;
        drop(found.expect("it comes").unwrap());
    }

    /// Lets something happen to the VM that was launched last.
    pub(crate) fn happens(&self, event: DriverEvent) {
        if matches!(event, DriverEvent::DiskError { .. }) {
            self.counters.stand_still(true);
        }
        self.counters
            .events
            .lock()
            .unwrap()
            .as_ref()
            .expect("launched")
            .send(event)
            .unwrap();
    }

    pub(crate) async fn until(&self, wanted: impl Fn(&MachineState) -> bool) {
        let mut snapshots = self.supervisor.snapshots();
        let found = snapshots.wait_for(|snapshot| wanted(&snapshot.state));
        drop(
            tokio::time::timeout(Duration::from_secs(3600), found)
                .await
                .expect("it comes")
                .unwrap(),
        );
    }

    pub(crate) async fn until_failed(&self) -> String {
        self.until(|state| matches!(state, MachineState::Failed { .. }))
            .await;
        match self.supervisor.snapshot().state {
            MachineState::Failed { reason } => reason,
            other => panic!("{other:?}"),
        }
    }
}

/// The driver, and the host that it is on.
#[derive(Clone)]
pub(crate) struct ScriptedDriver {
    guest: Guest,
    restart: bool,
    counters: Arc<Counters>,
}

impl ScriptedDriver {
    pub(crate) fn new(guest: Guest) -> Self {
        let counters = Arc::new(Counters::default());
        counters.free_space.store(u64::MAX, Ordering::SeqCst);
        Self {
            guest,
            restart: true,
            counters,
        }
    }

    pub(crate) fn alive(&self) -> usize {
        self.counters.alive.load(Ordering::SeqCst)
    }

    pub(crate) fn kills(&self) -> usize {
        self.counters.kills.load(Ordering::SeqCst)
    }
}

fn settings() -> MachineSettings {
    MachineSettings {
        driver: "scripted".to_owned(),
        link: "serial".to_owned(),
        cpus: 1,
        memory_mib: 512,
        warnings: Vec::new(),
    }
}

#[async_trait]
impl Provision for ScriptedDriver {
    fn settings(&self) -> MachineSettings {
        settings()
    }

    fn image(&self) -> Option<VmImageInfo> {
        None
    }

    async fn provision(&self) -> Result<Provisioned, ApiError> {
        if self.guest == Guest::StuckCheck {
            std::future::pending::<()>().await;
        }
        let none = PathBuf::new;
        Ok(Provisioned {
            driver: Arc::new(self.clone()),
            spec: MachineSpec {
                cpus: 1,
                memory_mib: 512,
                image: VmImagePaths {
                    kernel: none(),
                    initrd: none(),
                    root: none(),
                },
                data_disk: none(),
                run_dir: none(),
                console_log: none(),
                accelerator: AcceleratorChoice::Auto,
                link: LinkChoice::Auto,
                extra_cmdline: Vec::new(),
            },
            settings: settings(),
            image: None,
            console_log: none(),
            stop_grace: Duration::from_secs(10),
            restart: self.restart,
        })
    }

    async fn reset(&self, _: ResetRequest) -> Result<ResetPlan, ApiError> {
        Ok(ResetPlan::default())
    }

    fn free_space(&self) -> io::Result<u64> {
        Ok(self.counters.free_space.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl Driver for ScriptedDriver {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: true,
            grow_data_disk: true,
            needs_vm_image: false,
            links: vec![LinkChoice::Serial],
            host_address: None,
        }
    }

    async fn prepare(&self, choice: AcceleratorChoice) -> Result<Verdict, DriverError> {
        let accelerator = if choice == AcceleratorChoice::Tcg {
            Accelerator::Tcg
        } else {
            Accelerator::Kvm
        };
        Ok(Verdict {
            accelerator,
            note: None,
            detail: None,
            program: None,
            version: None,
        })
    }

    async fn launch(
        &self,
        _: &MachineSpec,
        verdict: &Verdict,
        events: mpsc::UnboundedSender<DriverEvent>,
    ) -> Result<Box<dyn Instance>, DriverError> {
        if self.guest == Guest::StuckLaunch {
            std::future::pending::<()>().await;
        }
        self.counters.launches.fetch_add(1, Ordering::SeqCst);
        self.counters.alive.fetch_add(1, Ordering::SeqCst);
        self.counters.events.lock().unwrap().replace(events.clone());
        let (mut host, mut guest) = (Vec::new(), Vec::new());
        for lane in Lane::ALL {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            host.push((lane, Box::new(Memory(Some(Box::new(ours)))) as Box<dyn Carrier>));
            guest.push((lane, Box::new(Memory(Some(Box::new(theirs)))) as Box<dyn Carrier>));
        }
        let (link, _) = Link::new(Side::Host, protocol::GENERATION, host);
        match self.guest {
            Guest::Silent => {}
            Guest::AcceleratorFails if verdict.accelerator != Accelerator::Tcg => {
                drop(events.send(DriverEvent::AcceleratorFailed {
                    reason: "it lies".to_owned(),
                }));
            }
            _ => {
                let (guest_link, incoming) = Link::new(Side::Guest, protocol::GENERATION, guest);
                self.counters.guest_link.lock().unwrap().replace(guest_link);
                drop(tokio::spawn(run_guest(
                    self.guest,
                    incoming,
                    events.clone(),
                    Arc::clone(&self.counters),
                )));
            }
        }
        Ok(Box::new(ScriptedInstance {
            link,
            events,
            counters: Arc::clone(&self.counters),
        }))
    }
}

struct ScriptedInstance {
    link: Link,
    events: mpsc::UnboundedSender<DriverEvent>,
    counters: Arc<Counters>,
}

impl Drop for ScriptedInstance {
    fn drop(&mut self) {
        self.counters.alive.fetch_sub(1, Ordering::SeqCst);
        self.link.close();
    }
}

#[async_trait]
impl Instance for ScriptedInstance {
    fn link(&self) -> Link {
        self.link.clone()
    }

    fn pid(&self) -> Option<u32> {
        None
    }

    async fn pause(&self) -> Result<(), DriverError> {
        self.counters.stand_still(true);
        Ok(())
    }

    async fn resume(&self) -> Result<(), DriverError> {
        self.counters.resumes.fetch_add(1, Ordering::SeqCst);
        self.counters.stand_still(false);
        Ok(())
    }

    async fn kill(&self) -> Result<(), DriverError> {
        self.counters.kills.fetch_add(1, Ordering::SeqCst);
        drop(self.events.send(DriverEvent::Exited(Exit {
            clean: false,
            reason: "killed".to_owned(),
        })));
        Ok(())
    }

    fn console_tail(&self, _: usize) -> Vec<String> {
        vec!["last words".to_owned()]
    }
}

/// Connects once, to memory.
struct Memory(Option<RawStream>);

#[async_trait]
impl Carrier for Memory {
    async fn connect(&mut self) -> io::Result<RawStream> {
        match self.0.take() {
            Some(stream) => Ok(stream),
            None => std::future::pending().await,
        }
    }
}

async fn run_guest(
    guest: Guest,
    mut incoming: Incoming,
    events: mpsc::UnboundedSender<DriverEvent>,
    counters: Arc<Counters>,
) {
    while let Some(arrival) = incoming.next().await {
        let mut stream = arrival.stream;
        let mut decoder = FrameDecoder::<HostFrame>::default();
        let mut bytes = vec![0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut bytes).await {
            decoder.push(&bytes[..length]);
            while let Ok(Some(HostFrame { id, request })) = decoder.next_message() {
                let reply = match &request {
                    Request::Facts => Reply::Facts(facts()),
                    Request::SetShares { shares } => {
                        counters.shares_asked.send_replace(true);
                        let mut held = counters.shares_held.subscribe();
                        drop(held.wait_for(|is_held| !is_held).await);
                        let mounted = shares.iter().map(|share| MountedShare {
                            id: share.id.clone(),
                            path: format!("/run/pinnace/shares/{}", share.id),
                        });
                        Reply::Shares(mounted.map(Ok).collect())
                    }
                    _ => Reply::Done,
                };
                let mut frames = vec![GuestFrame::Reply {
                    id,
                    result: Ok(reply),
                }];
                if request == Request::Facts && guest != Guest::NoEngine {
                    frames.push(GuestFrame::Event(Event::Engine(EngineState::Starting)));
                    if guest != Guest::EngineStarting {
                        let [version, api_version] = ["28.5.2", "1.51"].map(str::to_owned);
                        frames.push(GuestFrame::Event(Event::Engine(EngineState::Ready {
                            version,
                            api_version,
                        })));
                    }
                }
                for frame in frames {
                    drop(stream.write_all(&encode(&frame).unwrap()).await);
                }
                drop(stream.flush().await);
                if matches!(request, Request::Shutdown { .. }) {
                    let exit = Exit {
                        clean: true,
                        reason: "powered off".to_owned(),
                    };
                    // As real ones it needs a while, in which others see the machine stop.
                    tokio::time::sleep(POWER_OFF).await;
                    drop(events.send(DriverEvent::Exited(exit)));
                }
            }
        }
    }
}

fn facts() -> Facts {
    Facts {
        agent_version: "0".to_owned(),
        kernel: "6".to_owned(),
        boot_id: [0; 16],
        uptime_ms: 1,
        engine: EngineState::Stopped,
        data_disk: None,
        stages: Vec::new(),
    }
}
