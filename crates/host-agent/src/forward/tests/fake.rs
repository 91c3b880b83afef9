//! A guest and an engine that do what a test says, over a real link in memory and real sockets.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    process,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, SystemTime},
};

use agent_client::AgentClient;
use api::{Forward, ForwardState};
use async_trait::async_trait;
use engine_client::{Connect, Engine, Io};
use engine_proxy::rewrite::OpenOn;
use link::{Arrival, Carrier, Incoming, Lane, Link, RawStream, Side, Stream};
use machine::MachineState;
use protocol::{
    EngineState, Facts, ForwardTarget, FrameDecoder, GuestFrame, HostFrame, LinkPort, Publication,
    PublicationAnswer, PublicationFrame, Reply, StreamHead, Transport, encode,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::{TcpStream, UdpSocket},
    sync::{mpsc, watch},
    time::timeout,
};

use super::super::{Forwards, ForwardsConfig, Room, pipe::carry};
use crate::supervisor::{MachineSettings, Snapshot};

/// Generous: nothing waits for it unless something is wrong.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A host port that nobody has, in either family; below those that the OS gives to clients.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000
            + (process::id() as u16 ^ 0x2a5a)
                .wrapping_mul(31)
                .wrapping_add(count)
                % 20_000;
        // One after the other: all IPv6 addresses may include the IPv4 ones. Some hosts have none.
        let is_free = |all: IpAddr| {
            let taken = |error: io::Error| error.kind() == io::ErrorKind::AddrInUse;
            !TcpListener::bind((all, port)).is_err_and(taken)
                && !std::net::UdpSocket::bind((all, port)).is_err_and(taken)
        };
        if is_free(Ipv4Addr::UNSPECIFIED.into()) && is_free(Ipv6Addr::UNSPECIFIED.into()) {
            return port;
        }
    }
}

pub fn localhost(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Id, name, whether it runs, address.
pub type Row = (&'static str, &'static str, bool, Option<IpAddr>);

/// What the forwards need, made up.
pub struct World {
    pub forwards: Forwards,
    pub agents: watch::Sender<Option<AgentClient>>,
    pub snapshots: watch::Sender<Snapshot>,
    /// The engine's containers; `None`: it cannot be reached.
    pub containers: watch::Sender<Option<Vec<Row>>>,
    /// Whether the guest joins forwards. Until then it leaves them waiting.
    pub joins: watch::Sender<bool>,
    pub folder: Arc<tempfile::TempDir>,
    guest: Option<Guest>,
}

struct Guest {
    host_link: Link,
    _guest_link: Link,
    streams: mpsc::UnboundedReceiver<Stream>,
}

/// The guest's end of the stream of publications.
pub struct Publications {
    stream: Stream,
    decoder: FrameDecoder<PublicationAnswer>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(OpenOn::Localhost, Arc::new(tempfile::tempdir().unwrap()))
    }

    pub fn with(open_on: OpenOn, folder: Arc<tempfile::TempDir>) -> Self {
        // Little, so that a test gets to the end of it.
        let room = Room {
            connections: 640,
            peers: 256,
            ..Room::default()
        };
        Self::with_room(open_on, folder, room)
    }

    pub fn with_room(open_on: OpenOn, folder: Arc<tempfile::TempDir>, room: Room) -> Self {
        let agents = watch::Sender::new(None);
        let snapshots = watch::Sender::new(snapshot(MachineState::Running));
        let containers = watch::Sender::new(Some(Vec::new()));
        let (forwards, _) = Forwards::spawn(ForwardsConfig {
            agents: agents.subscribe(),
            snapshots: snapshots.subscribe(),
            engine: Engine::new(FakeEngine(containers.clone())),
            state_folder: folder.path().to_owned(),
            open_on,
            room,
        });
        Self {
            forwards,
            agents,
            snapshots,
            containers,
            joins: watch::Sender::new(true),
            folder,
            guest: None,
        }
    }

    /// Boots a guest, or connects one anew. Gives its stream of publications.
    pub async fn connect(&mut self, boot: u8) -> Publications {
        let (mut host, mut guest) = (Vec::new(), Vec::new());
        for lane in Lane::ALL {
            let (ours, theirs) = tokio::io::duplex(256 * 1024);
            host.push((lane, Box::new(Memory(Some(ours))) as Box<dyn Carrier>));
            guest.push((lane, Box::new(Memory(Some(theirs))) as Box<dyn Carrier>));
        }
        let (host_link, _) = Link::new(Side::Host, protocol::GENERATION, host);
        let (guest_link, incoming) = Link::new(Side::Guest, protocol::GENERATION, guest);
        let (sender, streams) = mpsc::unbounded_channel();
        tokio::spawn(run_guest(incoming, boot, sender, self.joins.subscribe()));
        host_link.wait_up(Lane::Control).await;
        host_link.wait_up(Lane::Data).await;
        let (agent, _, _) = AgentClient::connect(&host_link).await.unwrap();
        self.agents.send_replace(Some(agent));
        let guest = self.guest.insert(Guest {
            host_link,
            _guest_link: guest_link,
            streams,
        });
        Publications {
            stream: timeout(LIMIT, guest.streams.recv()).await.unwrap().unwrap(),
            decoder: FrameDecoder::default(),
        }
    }

    /// Loses the link, and what the guest said with it.
    pub fn lose_link(&mut self) {
        if let Some(guest) = self.guest.take() {
            guest.host_link.close();
        }
        self.agents.send_replace(None);
    }

    /// Waits until the forwards are as wanted.
    pub async fn until(&self, wanted: impl Fn(&[Forward]) -> bool) -> Vec<Forward> {
        let mut changes = self.forwards.changes();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                let list = self.forwards.list();
                if wanted(&list) {
                    return list;
                }
                changes.changed().await.unwrap();
            }
        };
        match timeout(LIMIT, waiting).await {
            Ok(list) => list,
            Err(_) => panic!("{:#?}", self.forwards.list()),
        }
    }

    /// Waits until there is one forward, in that state.
    pub async fn until_state(&self, state: ForwardState) -> Forward {
        let is = |list: &[Forward]| list.len() == 1 && list[0].state == state;
        self.until(is).await.remove(0)
    }

    /// Waits until all connections are counted.
    pub async fn until_connections(&self, count: u64) {
        let counted = async {
            while self
                .forwards
                .list()
                .iter()
                .map(|forward| forward.connections)
                .sum::<u64>()
                != count
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(LIMIT, counted).await.unwrap();
    }
}

impl Publications {
    pub async fn send(&mut self, frame: PublicationFrame) {
        self.stream.write_all(&encode(&frame).unwrap()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub async fn answer(&mut self) -> PublicationAnswer {
        loop {
            if let Some(answer) = self.decoder.next_message().unwrap() {
                return answer;
            }
            let mut bytes = [0; 1024];
            let read = timeout(LIMIT, self.stream.read(&mut bytes))
                .await
                .unwrap()
                .unwrap();
            assert_ne!(read, 0, "the stream ended");
            self.decoder.push(&bytes[..read]);
        }
    }

    /// Asks, and gives the answer.
    pub async fn ask(&mut self, publication: Publication) -> Result<(), String> {
        let id = publication.id;
        self.send(PublicationFrame::Asked(publication)).await;
        let answer = self.answer().await;
        assert_eq!(answer.id, id);
        answer.result
    }
}

pub fn tcp(id: u64, host: SocketAddr, container: SocketAddr) -> Publication {
    Publication {
        id,
        transport: Transport::Tcp,
        host,
        container,
        awaited: true,
    }
}

pub fn snapshot(state: MachineState) -> Snapshot {
    let [driver, link, version, api_version] = ["fake", "serial", "28.5.2", "1.51"].map(str::to_owned);
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
        engine: EngineState::Ready { version, api_version },
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

async fn run_guest(
    mut incoming: Incoming,
    boot: u8,
    publications: mpsc::UnboundedSender<Stream>,
    joins: watch::Receiver<bool>,
) {
    while let Some(Arrival { port, stream, .. }) = incoming.next().await {
        match LinkPort(port) {
            LinkPort::CONTROL => drop(tokio::spawn(control(stream, boot))),
            LinkPort::PUBLICATIONS => drop(publications.send(stream)),
            LinkPort::FORWARD => drop(tokio::spawn(forward(stream, joins.clone()))),
            other => panic!("{other}"),
        }
    }
}

async fn control(mut stream: Stream, boot: u8) {
    let mut decoder = FrameDecoder::<HostFrame>::default();
    let mut bytes = [0; 1024];
    while let Ok(length @ 1..) = stream.read(&mut bytes).await {
        decoder.push(&bytes[..length]);
        while let Some(HostFrame { id, .. }) = decoder.next_message().unwrap() {
            let facts = Facts {
                agent_version: "0".to_owned(),
                kernel: "6".to_owned(),
                boot_id: [boot; 16],
                uptime_ms: 1,
                engine: EngineState::Stopped,
                data_disk: None,
                stages: Vec::new(),
            };
            let result = Ok(Reply::Facts(facts));
            let frame = encode(&GuestFrame::Reply { id, result }).unwrap();
            drop(stream.write_all(&frame).await);
            drop(stream.flush().await);
        }
    }
}

/// Joins a forward to a real socket, as a guest does: a container's port is this host's localhost.
async fn forward(mut stream: Stream, mut joins: watch::Receiver<bool>) {
    let mut decoder = FrameDecoder::<StreamHead>::default();
    let head = loop {
        // Byte by byte, so that nothing of what follows is taken.
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            return;
        }
        decoder.push(&byte);
        if let Some(head) = decoder.next_message().unwrap() {
            break head;
        }
    };
    let StreamHead::Forward { transport, target } = head else {
        panic!("{head:?}")
    };
    let address = match target {
        ForwardTarget::Address(address) => address,
        ForwardTarget::Container { port, .. } => localhost(port),
    };
    if joins.wait_for(|joins| *joins).await.is_err() {
        return;
    }
    match transport {
        Transport::Tcp => {
            if let Ok(mut socket) = TcpStream::connect(address).await
                && carry(&mut socket, &mut stream).await.is_err()
            {
                drop(socket.set_zero_linger());
            }
        }
        Transport::Udp => datagrams(stream, address).await,
    }
}

async fn datagrams(stream: Stream, address: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let up = async {
        while let Ok(length) = reader.read_u16().await {
            let mut datagram = vec![0; usize::from(length)];
            reader.read_exact(&mut datagram).await.unwrap();
            socket.send(&datagram).await.unwrap();
        }
    };
    let down = async {
        let mut datagram = vec![0; 1 << 16];
        while let Ok(length) = socket.recv(&mut datagram).await {
            writer.write_u16(length as u16).await.unwrap();
            writer.write_all(&datagram[..length]).await.unwrap();
            writer.flush().await.unwrap();
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

#[derive(Debug)]
struct FakeEngine(watch::Sender<Option<Vec<Row>>>);

#[async_trait]
impl Connect for FakeEngine {
    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        if self.0.borrow().is_none() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(answer(theirs, self.0.subscribe()));
        Ok(Box::new(ours))
    }
}

/// Answers one request; events come for as long as the engine can be reached.
async fn answer(mut stream: DuplexStream, mut rows: watch::Receiver<Option<Vec<Row>>>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head
        .split(' ')
        .nth(1)
        .unwrap()
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    let all = rows.borrow_and_update().clone().unwrap_or_default();
    if path.ends_with("/events") {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await?;
        while rows.changed().await.is_ok() && rows.borrow_and_update().is_some() {
            let event = "{\"Type\":\"container\",\"Action\":\"start\"}\n";
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            stream.write_all(chunk.as_bytes()).await?;
        }
        return Ok(());
    }
    let state = |running: bool| if running { "running" } else { "exited" };
    let (status, body) = if path.ends_with("/containers/json") {
        let all = all.into_iter().map(|(id, name, running, address)| {
            let address = address.map(|address| address.to_string()).unwrap_or_default();
            json!({"Id": id, "Names": [format!("/{name}")], "State": state(running),
                "NetworkSettings": {"Networks": {"bridge": {"IPAddress": address}}}})
        });
        (200, all.collect())
    } else {
        let asked = path.rsplit('/').nth(1).unwrap();
        match all
            .into_iter()
            .find(|(id, name, ..)| [*id, *name].contains(&asked))
        {
            Some((id, name, running, _)) => (
                200,
                json!({"Id": id, "Name": format!("/{name}"), "State": {"Running": running}}),
            ),
            None => (404, json!({"message": "No such container"})),
        }
    };
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
