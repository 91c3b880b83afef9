//! Datagrams at a host port. Each peer has a stream of its own, until it has been silent for [`IDLE`].

use std::{
    collections::HashMap,
    future::poll_fn,
    io,
    mem::MaybeUninit,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use platform::HostPort;
use protocol::MAX_DATAGRAM_BYTES;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::UdpSocket,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{bound::Serving, way::PeerRoom};

/// How long a peer may be silent in both directions.
const IDLE: Duration = Duration::from_secs(60);
/// The most peers of one forward. The one that was silent for longest makes room for the next.
const MOST_PEERS: usize = 1024;
/// Datagrams of a peer that may wait for the link. As the network does, we drop those beyond.
const QUEUED: usize = 64;
/// Bytes of all peers' datagrams that may wait.
const QUEUED_BYTES: usize = 4 << 20;
/// The length before each datagram on the stream.
const HEAD_BYTES: usize = 2;
/// Holds every datagram there is.
const SPACE_BYTES: usize = 1 << 16;
/// How long to stand back when nothing can be received.
const PAUSE: Duration = Duration::from_millis(500);

/// A datagram as it goes on the stream, its length first.
struct Queued {
    frame: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

/// Receives until it is told to close. Then its peers end too.
pub async fn serve(port: HostPort<UdpSocket>, serving: Serving, closing: CancellationToken) {
    let mut relay = Relay {
        port: Arc::new(port),
        serving,
        peers: HashMap::new(),
        tasks: JoinSet::new(),
        next: 0,
        room: Arc::new(Semaphore::new(QUEUED_BYTES)),
    };
    tokio::select! {
        () = relay.run() => {}
        () = closing.cancelled() => {}
    }
    relay.tasks.shutdown().await;
}

struct Relay {
    port: Arc<HostPort<UdpSocket>>,
    serving: Serving,
    peers: HashMap<SocketAddr, Peer>,
    tasks: JoinSet<(SocketAddr, u64)>,
    /// The next peer's number.
    next: u64,
    room: Arc<Semaphore>,
}

struct Peer {
    /// Tells it from another one of the same address.
    number: u64,
    queue: mpsc::Sender<Queued>,
    heard: Instant,
}

impl Relay {
    async fn run(&mut self) {
        loop {
            tokio::select! {
                received = receive(&self.port.socket) => match received {
                    Ok((frame, from)) => self.take(frame, from),
                    // Windows tells so that an earlier answer found nobody.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                    Err(error) => {
                        warn!(%error, host = %self.port.address, "datagram not received");
                        sleep(PAUSE).await;
                    }
                },
                Some(ended) = self.tasks.join_next() => self.forget(ended.ok()),
            }
        }
    }

    fn take(&mut self, frame: Vec<u8>, from: SocketAddr) {
        let bytes = frame.len();
        if bytes > HEAD_BYTES + MAX_DATAGRAM_BYTES || !self.port.admits(from.ip()) {
            return debug!(%from, bytes, "datagram dropped");
        }
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes as u32) else {
            return debug!(%from, "datagram dropped: too many wait");
        };
        let queued = Queued { frame, _room: room };
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.heard = Instant::now();
            match peer.queue.try_send(queued) {
                Err(mpsc::error::TrySendError::Closed(queued)) => self.join(from, queued),
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
            }
        } else {
            self.join(from, queued);
        }
    }

    /// Begins a peer with its first datagram.
    fn join(&mut self, from: SocketAddr, first: Queued) {
        self.peers.remove(&from);
        let room = match self.serving.way.peer_room() {
            Some(room) if self.peers.len() < MOST_PEERS => room,
            _ => {
                // Its room is free when its task has ended. A client that wants an answer asks again.
                let oldest = self.peers.iter().min_by_key(|(_, peer)| peer.heard);
                if let Some(address) = oldest.map(|(address, _)| *address) {
                    self.peers.remove(&address);
                }
                return;
            }
        };
        let (queue, received) = mpsc::channel(QUEUED);
        // There is room for the first.
        drop(queue.try_send(first));
        let number = self.next;
        self.next += 1;
        let heard = Instant::now();
        self.peers.insert(from, Peer { number, queue, heard });
        let (port, serving) = (Arc::clone(&self.port), self.serving.clone());
        self.tasks.spawn(async move {
            relay_peer(port, from, serving, room, received).await;
            (from, number)
        });
    }

    fn forget(&mut self, ended: Option<(SocketAddr, u64)>) {
        if let Some((address, number)) = ended
            && self.peers.get(&address).is_some_and(|peer| peer.number == number)
        {
            self.peers.remove(&address);
        }
    }
}

/// Waits for a datagram: as a frame, and who sent it. At rest this holds no memory.
async fn receive(socket: &UdpSocket) -> io::Result<(Vec<u8>, SocketAddr)> {
    poll_fn(|cx| {
        let mut space = [MaybeUninit::uninit(); SPACE_BYTES];
        let mut datagram = ReadBuf::uninit(&mut space);
        socket
            .poll_recv_from(cx, &mut datagram)
            .map_ok(|from| (frame(datagram.filled()), from))
    })
    .await
}

fn frame(datagram: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD_BYTES + datagram.len());
    frame.extend_from_slice(&(datagram.len() as u16).to_be_bytes());
    frame.extend_from_slice(datagram);
    frame
}

/// One peer, until it is silent, its stream ends, or its place is given to another.
async fn relay_peer(
    port: Arc<HostPort<UdpSocket>>,
    peer: SocketAddr,
    serving: Serving,
    room: PeerRoom,
    queue: mpsc::Receiver<Queued>,
) {
    let _counted = serving.connections.enter();
    let Some(guest) = serving.way.open_peer(&serving.target, room).await else {
        return;
    };
    let (reader, writer) = tokio::io::split(guest.stream);
    let began = Instant::now();
    let last_ms = AtomicU64::new(0);
    let heard = || {
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        last_ms.store(ms, Ordering::Relaxed);
    };
    let ended = tokio::select! {
        ended = to_guest(queue, writer, heard) => ended,
        ended = from_guest(reader, &port.socket, peer, heard) => ended,
        () = silence(began, &last_ms) => Ok(()),
        () = serving.aborting.cancelled() => Ok(()),
    };
    if let Err(error) = ended {
        debug!(%error, %peer, "peer's stream broke off");
    }
}

async fn to_guest<W: AsyncWrite + Unpin>(
    mut queue: mpsc::Receiver<Queued>,
    mut writer: W,
    heard: impl Fn(),
) -> io::Result<()> {
    while let Some(queued) = queue.recv().await {
        heard();
        writer.write_all(&queued.frame).await?;
        writer.flush().await?;
    }
    Ok(())
}

async fn from_guest<R: AsyncRead + Unpin>(
    mut reader: R,
    socket: &UdpSocket,
    peer: SocketAddr,
    heard: impl Fn(),
) -> io::Result<()> {
    loop {
        let bytes = usize::from(reader.read_u16().await?);
        if bytes > MAX_DATAGRAM_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut datagram = vec![0; bytes];
        reader.read_exact(&mut datagram).await?;
        heard();
        if let Err(error) = socket.send_to(&datagram, peer).await {
            // As in a network: lost.
            debug!(%error, %peer, "datagram not sent");
        }
    }
}

/// Resolves when nothing was heard for [`IDLE`].
async fn silence(began: Instant, last_ms: &AtomicU64) {
    loop {
        let last = began + Duration::from_millis(last_ms.load(Ordering::Relaxed));
        if last.elapsed() >= IDLE {
            return;
        }
        sleep_until(last + IDLE).await;
    }
}
