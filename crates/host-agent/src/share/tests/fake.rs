//! A guest and an engine that do what a test says, over a real link in memory.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use agent_client::AgentClient;
use api::{Share, ShareState};
use async_trait::async_trait;
use engine_client::{Connect, Engine, Io};
use link::{Arrival, Carrier, Incoming, Lane, Link, RawStream, Side, Stream};
use machine::MachineState;
use platform::Folders;
use protocol::{
    AgentError, EngineState, ErrorCode, Facts, FrameDecoder, GuestFrame, HostFrame, LinkPort, MountedShare,
    Reply, Request, ShareSpec, StreamHead, encode,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::{mpsc, watch},
    time::timeout,
};

use super::super::{Shares, SharesConfig};
use crate::{
    run::tests::folders_below,
    supervisor::{MachineSettings, Snapshot},
};

/// Generous: nothing waits for it unless something is wrong.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What the shares need, made up.
pub struct World {
    pub shares: Shares,
    pub warnings: Vec<String>,
    /// The user's home; `file` in it says `hello`.
    pub home: PathBuf,
    agents: watch::Sender<Option<AgentClient>>,
    pub snapshots: watch::Sender<Snapshot>,
    /// The engine's answer to a listing of containers; `None`: it cannot be reached.
    pub containers: watch::Sender<Option<String>>,
    /// Paths that the guest does not mount.
    pub refused: watch::Sender<Vec<String>>,
    links: Vec<Link>,
    pub folder: Arc<tempfile::TempDir>,
}

/// What a guest hears.
pub struct Heard {
    /// What it was asked to mount, each time.
    pub asked: mpsc::UnboundedReceiver<Vec<ShareSpec>>,
    /// The streams of shares: the share, the server, the stream.
    pub streams: mpsc::UnboundedReceiver<(String, u64, Stream)>,
}

impl World {
    pub fn new() -> Self {
        Self::with(true, Arc::new(tempfile::tempdir().unwrap()))
    }

    pub fn with(share_home: bool, folder: Arc<tempfile::TempDir>) -> Self {
        let base = folder.path().canonicalize().unwrap();
        let home = base.join("home");
        std::fs::create_dir_all(home.join(".ssh")).unwrap();
        std::fs::write(home.join("file"), "hello").unwrap();
        let folders: Folders = folders_below(&base.join("pinnace"));
        let agents = watch::Sender::new(None);
        let snapshots = watch::Sender::new(snapshot(MachineState::Running));
        let containers = watch::Sender::new(Some("[]".to_owned()));
        let (shares, warnings) = Shares::spawn(SharesConfig {
            agents: agents.subscribe(),
            snapshots: snapshots.subscribe(),
            engine: Engine::new(FakeEngine(containers.subscribe())),
            folders,
            home: Some(home.clone()),
            share_home,
            hide: vec!["private".to_owned()],
            look: Duration::from_millis(20),
        });
        Self {
            shares,
            warnings,
            home,
            agents,
            snapshots,
            containers,
            refused: watch::Sender::new(Vec::new()),
            links: Vec::new(),
            folder,
        }
    }

    pub fn path(&self, below_home: &str) -> String {
        self.home.join(below_home).to_str().unwrap().to_owned()
    }

    /// Boots a guest, or connects one anew.
    pub async fn connect(&mut self, boot: u8) -> Heard {
        let (mut host, mut guest) = (Vec::new(), Vec::new());
        for lane in Lane::ALL {
            let (ours, theirs) = tokio::io::duplex(256 * 1024);
            host.push((lane, Box::new(Memory(Some(ours))) as Box<dyn Carrier>));
            guest.push((lane, Box::new(Memory(Some(theirs))) as Box<dyn Carrier>));
        }
        let (host_link, _) = Link::new(Side::Host, protocol::GENERATION, host);
        let (guest_link, incoming) = Link::new(Side::Guest, protocol::GENERATION, guest);
        let (tell_asked, asked) = mpsc::unbounded_channel();
        let (tell_streams, streams) = mpsc::unbounded_channel();
        let guest = Guest {
            boot,
            refused: self.refused.subscribe(),
            asked: tell_asked,
            streams: tell_streams,
        };
        tokio::spawn(guest.run(incoming));
        for lane in [Lane::Control, Lane::Files] {
            host_link.wait_up(lane).await;
        }
        let (agent, _, _) = AgentClient::connect(&host_link).await.unwrap();
        self.agents.send_replace(Some(agent));
        self.links.extend([host_link, guest_link]);
        Heard { asked, streams }
    }

    /// Loses the link.
    pub fn lose_link(&mut self) {
        for link in self.links.drain(..) {
            link.close();
        }
        self.agents.send_replace(None);
    }

    /// Waits until the shares are as wanted.
    pub async fn until(&self, wanted: impl Fn(&[Share]) -> bool) -> Vec<Share> {
        let mut changes = self.shares.changes();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                let list = self.shares.list();
                if wanted(&list) {
                    return list;
                }
                changes.changed().await.unwrap();
            }
        };
        match timeout(LIMIT, waiting).await {
            Ok(list) => list,
            Err(_) => panic!("{:#?}", self.shares.list()),
        }
    }

    /// Waits until there is one share, in that state.
    pub async fn until_state(&self, state: ShareState) -> Share {
        let is = |list: &[Share]| list.len() == 1 && list[0].state == state;
        self.until(is).await.remove(0)
    }

    pub fn guest_path(&self, host: &str) -> Result<String, String> {
        let found = self.shares.paths().current().guest_path(host);
        found.map(Option::unwrap).map_err(|refusal| refusal.message)
    }
}

impl Heard {
    pub async fn asked(&mut self) -> Vec<ShareSpec> {
        timeout(LIMIT, self.asked.recv()).await.unwrap().unwrap()
    }

    pub async fn stream(&mut self) -> (String, u64, Stream) {
        timeout(LIMIT, self.streams.recv()).await.unwrap().unwrap()
    }
}

struct Guest {
    boot: u8,
    refused: watch::Receiver<Vec<String>>,
    asked: mpsc::UnboundedSender<Vec<ShareSpec>>,
    streams: mpsc::UnboundedSender<(String, u64, Stream)>,
}

impl Guest {
    async fn run(self, mut incoming: Incoming) {
        let streams = self.streams.clone();
        let guest = Arc::new(self);
        while let Some(Arrival { port, stream, .. }) = incoming.next().await {
            match LinkPort(port) {
                LinkPort::CONTROL => drop(tokio::spawn(Arc::clone(&guest).control(stream))),
                LinkPort::SHARE => drop(tokio::spawn(begin(stream, streams.clone()))),
                other => panic!("{other}"),
            }
        }
    }

    async fn control(self: Arc<Self>, mut stream: Stream) {
        let mut decoder = FrameDecoder::<HostFrame>::default();
        let mut bytes = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut bytes).await {
            decoder.push(&bytes[..length]);
            while let Some(HostFrame { id, request }) = decoder.next_message().unwrap() {
                let result = Ok(self.answer(request));
                let frame = encode(&GuestFrame::Reply { id, result }).unwrap();
                drop(stream.write_all(&frame).await);
                drop(stream.flush().await);
            }
        }
    }

    fn answer(&self, request: Request) -> Reply {
        let Request::SetShares { shares } = request else {
            return Reply::Facts(Facts {
                agent_version: "0".to_owned(),
                kernel: "6".to_owned(),
                boot_id: [self.boot; 16],
                uptime_ms: 1,
                engine: EngineState::Stopped,
                data_disk: None,
                stages: Vec::new(),
            });
        };
        drop(self.asked.send(shares.clone()));
        let mount = |spec: ShareSpec| {
            if self.refused.borrow().contains(&spec.path) {
                return Err(AgentError {
                    code: ErrorCode::Failed,
                    message: "no place".to_owned(),
                });
            }
            Ok(MountedShare {
                path: format!("/run/pinnace/shares/{}", spec.id),
                id: spec.id,
            })
        };
        Reply::Shares(shares.into_iter().map(mount).collect())
    }
}

async fn begin(mut stream: Stream, streams: mpsc::UnboundedSender<(String, u64, Stream)>) {
    let mut decoder = FrameDecoder::<StreamHead>::default();
    loop {
        // Byte by byte, so that nothing of what follows is taken.
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            return;
        }
        decoder.push(&byte);
        match decoder.next_message().unwrap() {
            Some(StreamHead::Share { id, server }) => return drop(streams.send((id, server, stream))),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

pub fn snapshot(state: MachineState) -> Snapshot {
    let [driver, link] = ["fake", "serial"].map(str::to_owned);
    Snapshot {
        state,
        since: SystemTime::UNIX_EPOCH,
        settings: MachineSettings {
            driver,
            link,
            cpus: 1,
            memory_mib: 512,
            warnings: Vec::new(),
        },
        verdict: None,
        pid: None,
        boot: None,
        engine: EngineState::Stopped,
        guest_agent: None,
        image: None,
        console_log: None,
    }
}

struct Memory(Option<DuplexStream>);

#[async_trait]
impl Carrier for Memory {
    async fn connect(&mut self) -> io::Result<RawStream> {
        match self.0.take() {
            Some(stream) => Ok(Box::new(stream)),
            None => std::future::pending().await,
        }
    }
}

#[derive(Debug)]
struct FakeEngine(watch::Receiver<Option<String>>);

#[async_trait]
impl Connect for FakeEngine {
    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        let body = self.0.borrow().clone().ok_or(io::ErrorKind::NotConnected)?;
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(theirs.read_u8().await?);
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            theirs.write_all(answer.as_bytes()).await?;
            theirs.shutdown().await
        });
        Ok(Box::new(ours))
    }
}

/// A little FUSE, as a guest's kernel speaks it.
pub struct Kernel {
    stream: Stream,
    unique: u64,
}

impl Kernel {
    pub async fn begin(stream: Stream) -> Self {
        let mut kernel = Self { stream, unique: 0 };
        let init: Vec<u8> = [7_u32, 40, 1 << 17, 0]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        assert_eq!(kernel.ask(26, 0, &init).await.unwrap()[..4], 7_u32.to_le_bytes());
        kernel
    }

    /// Goes on with another stream of the same server.
    pub fn resume(stream: Stream) -> Self {
        Self {
            stream,
            unique: 1 << 32,
        }
    }

    /// The body of an answer, or its error.
    pub async fn ask(&mut self, opcode: u32, node: u64, body: &[u8]) -> Result<Vec<u8>, i32> {
        self.unique += 2;
        let mut message = Vec::new();
        message.extend((40 + body.len() as u32).to_le_bytes());
        message.extend(opcode.to_le_bytes());
        message.extend(self.unique.to_le_bytes());
        message.extend(node.to_le_bytes());
        message.extend([0; 16]);
        message.extend(body);
        self.stream.write_all(&message).await.unwrap();
        self.stream.flush().await.unwrap();
        loop {
            let mut head = [0; 16];
            let read = self.stream.read_exact(&mut head);
            timeout(LIMIT, read).await.unwrap().unwrap();
            let length = u32::from_le_bytes(head[..4].try_into().unwrap());
            let mut body = vec![0; length as usize - 16];
            self.stream.read_exact(&mut body).await.unwrap();
            // What is told without being asked is not looked at.
            if head[8..] == self.unique.to_le_bytes() {
                let error = i32::from_le_bytes(head[4..8].try_into().unwrap());
                return if error == 0 { Ok(body) } else { Err(-error) };
            }
        }
    }

    /// The node of a name in a folder.
    pub async fn lookup(&mut self, folder: u64, name: &str) -> Result<u64, i32> {
        let answer = self.ask(1, folder, format!("{name}\0").as_bytes()).await?;
        Ok(u64::from_le_bytes(answer[..8].try_into().unwrap()))
    }

    /// Opens a file and reads it.
    pub async fn read(&mut self, node: u64) -> Result<Vec<u8>, i32> {
        let opened = self.ask(14, node, &[0; 8]).await?;
        let mut read = opened[..8].to_vec();
        read.extend(0_u64.to_le_bytes());
        read.extend(4096_u32.to_le_bytes());
        read.extend([0; 20]);
        self.ask(15, node, &read).await
    }

    /// Ends the stream.
    pub async fn end(mut self) {
        drop(self.stream.shutdown().await);
    }
}
