//! What the guest agent does when the server behind a mount is another one.
//!
//! ```text
//!   pump ──lane──► relay ──► the present server      keeps INIT, and the numbers that LOOKUPs were answered with
//!        ◄──────── relay ◄──
//! ```

use std::{
    collections::HashMap,
    io::Write as _,
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use fileserver::{FileServer, HostFolder, ShareOptions};
use tokio::runtime::Runtime;

use crate::guest::read_message;

const LOOKUP: u32 = 1;
const INIT: u32 = 26;
const ADOPT: u32 = 0x5000;
const INC_EPOCH: [u8; 4] = [8, 0, 0, 0];

pub struct Relay {
    lane: UnixStream,
    shared: Arc<Shared>,
    server: Option<Arc<FileServer<HostFolder>>>,
    runtime: Runtime,
}

struct Shared {
    /// Held while the server is replaced: the kernel's requests wait.
    upstream: Mutex<UnixStream>,
    init: Mutex<Vec<u8>>,
    /// Whose folder and which name a LOOKUP on its way is about.
    asked: Mutex<HashMap<u64, (u64, Vec<u8>)>>,
    nodes: Mutex<HashMap<(u64, Vec<u8>), u64>>,
    keeps_names: AtomicBool,
}

impl Relay {
    /// A relay before a first server, and the stream for the pump.
    pub fn new(host: &Path, options: ShareOptions) -> (Self, UnixStream) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (lane, pump) = UnixStream::pair().unwrap();
        let (server, upstream) = serve(&runtime, host, options);
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream.try_clone().unwrap()),
            init: Mutex::default(),
            asked: Mutex::default(),
            nodes: Mutex::default(),
            keeps_names: AtomicBool::new(false),
        });
        let relay = Self {
            lane,
            shared,
            server: Some(server),
            runtime,
        };
        relay.copy_down(upstream);
        relay.copy_up();
        (relay, pump)
    }

    /// From now on the kernel is not told that all names are void.
    pub fn keep_names(&self) {
        self.shared.keeps_names.store(true, Ordering::Relaxed);
    }

    /// The number that the kernel knows this place by.
    pub fn node(&self, names: &[&str]) -> u64 {
        let nodes = self.shared.nodes.lock().unwrap();
        names
            .iter()
            .fold(1, |folder, name| nodes[&(folder, name.as_bytes().to_vec())])
    }

    /// Ends the server, lets something happen, and has another one adopt these nodes.
    pub fn replace_server(
        &mut self,
        host: &Path,
        options: ShareOptions,
        adopted: &[(u64, &str)],
        meanwhile: impl FnOnce(),
    ) -> Arc<FileServer<HostFolder>> {
        let mut upstream = self.shared.upstream.lock().unwrap();
        upstream.shutdown(std::net::Shutdown::Both).unwrap();
        self.server = None;
        meanwhile();
        let (server, mut stream) = serve(&self.runtime, host, options);
        stream.write_all(&self.shared.init.lock().unwrap()).unwrap();
        let answer = read_message(&mut stream).unwrap();
        assert_eq!(answer[4..8], [0; 4]);
        for (node, path) in adopted {
            let body = path.replace('/', "\0");
            let mut message = vec![0; 40];
            message[..4].copy_from_slice(&(40 + body.len() as u32).to_le_bytes());
            message[4..8].copy_from_slice(&ADOPT.to_le_bytes());
            message[16..24].copy_from_slice(&node.to_le_bytes());
            message.extend(body.as_bytes());
            stream.write_all(&message).unwrap();
        }
        *upstream = stream.try_clone().unwrap();
        drop(upstream);
        self.copy_down(stream);
        self.server = Some(Arc::clone(&server));
        server
    }

    /// From the kernel to whatever server there is.
    fn copy_up(&self) {
        let (shared, mut lane) = (Arc::clone(&self.shared), self.lane.try_clone().unwrap());
        thread::spawn(move || {
            while let Some(message) = read_message(&mut lane) {
                let opcode = u32::from_le_bytes(message[4..8].try_into().unwrap());
                if opcode == INIT {
                    shared.init.lock().unwrap().clone_from(&message);
                }
                if opcode == LOOKUP {
                    let name = message[40..message.len() - 1].to_vec();
                    let asked = (number(&message[16..]), name);
                    shared.asked.lock().unwrap().insert(number(&message[8..]), asked);
                }
                let mut upstream = shared.upstream.lock().unwrap();
                if upstream.write_all(&message).is_err() {
                    break;
                }
            }
        });
    }

    fn copy_down(&self, mut server: UnixStream) {
        let (shared, mut lane) = (Arc::clone(&self.shared), self.lane.try_clone().unwrap());
        thread::spawn(move || {
            while let Some(message) = read_message(&mut server) {
                let asked = shared.asked.lock().unwrap().remove(&number(&message[8..]));
                if let Some(place) = asked
                    && message.len() >= 24
                {
                    shared.nodes.lock().unwrap().insert(place, number(&message[16..]));
                }
                let expires_names = number(&message[8..]) == 0 && message[4..8] == INC_EPOCH;
                if expires_names && shared.keeps_names.load(Ordering::Relaxed) {
                    continue;
                }
                if lane.write_all(&message).is_err() {
                    break;
                }
            }
        });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.lane.shutdown(std::net::Shutdown::Both);
        let _ = self
            .shared
            .upstream
            .lock()
            .unwrap()
            .shutdown(std::net::Shutdown::Both);
    }
}

fn serve(runtime: &Runtime, host: &Path, options: ShareOptions) -> (Arc<FileServer<HostFolder>>, UnixStream) {
    let server = Arc::new(FileServer::new(HostFolder::open(host).unwrap(), options).unwrap());
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let serving = Arc::clone(&server);
    runtime.spawn(async move {
        let stream = tokio::net::UnixStream::from_std(theirs).unwrap();
        // Ends when the relay takes the stream away.
        let _ = serving.serve(stream).await;
    });
    (server, ours)
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}
