//! The guest's side, on this machine: a real FUSE mount whose requests go to a server over a socket.
//!
//! Needs root and `/dev/fuse`. Each mount is in a mount namespace of the test's own thread: nobody else sees it, and it
//! ends with the thread whatever happens.

use std::{
    cell::Cell,
    fs::File,
    io::{ErrorKind, Read as _, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use fileserver::{Access, FileServer, HostFolder, ShareOptions};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A request with 1 MiB of data.
const BUFFER_BYTES: usize = (1 << 20) + 4096;

/// A share and a mount of it.
pub struct Guest {
    /// The folder on the host.
    pub host: PathBuf,
    /// The same in the guest.
    pub point: PathBuf,
    /// None when another process serves.
    server: Option<Arc<FileServer<HostFolder>>>,
    threads: Vec<JoinHandle<()>>,
    /// What the pump shares with a replayer.
    pub wire: Arc<Wire>,
    runtime: Option<Runtime>,
    _folder: TempDir,
}

/// The way to the server beside the kernel's requests.
pub struct Wire {
    stream: Mutex<UnixStream>,
    /// Gets the bodies of REPLAY messages.
    pub replay: Mutex<Option<Replay>>,
}

pub type Replay = Box<dyn Fn(Vec<u8>) + Send>;

/// The agents' own message of the server; the kernel must not get it.
const REPLAY: [u8; 4] = 0x5000_i32.to_le_bytes();

impl Wire {
    /// Sends a whole message.
    pub fn send(&self, message: &[u8]) -> std::io::Result<()> {
        self.stream.lock().unwrap().write_all(message)
    }
}

pub fn writable() -> ShareOptions {
    ShareOptions {
        access: Access::ReadWrite,
        ..ShareOptions::default()
    }
}

impl Guest {
    /// Mounts a new, empty share.
    pub fn new() -> Self {
        Self::with(writable())
    }

    pub fn with(options: ShareOptions) -> Self {
        Self::prepared(options, |_| {})
    }

    /// Mounts a share that `prepare` filled, or mounted something on.
    pub fn prepared(options: ShareOptions, prepare: impl FnOnce(&Path)) -> Self {
        enter_namespace();
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("host");
        std::fs::create_dir(&host).unwrap();
        prepare(&host);
        let server = Arc::new(FileServer::new(HostFolder::open(&host).unwrap(), options).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let serving = Arc::clone(&server);
        runtime.spawn(async move {
            let stream = tokio::net::UnixStream::from_std(theirs).unwrap();
            serving.serve(stream).await.unwrap();
        });
        let mut guest = Self::over(ours, folder);
        guest.server = Some(server);
        guest.runtime = Some(runtime);
        guest
    }

    /// Mounts what is served at the other end of `stream`: `host` in `folder`. The caller called [`enter_namespace`].
    pub fn over(stream: UnixStream, folder: TempDir) -> Self {
        let point = folder.path().join("guest");
        std::fs::create_dir(&point).unwrap();
        let fuse = File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .expect("these tests need root and /dev/fuse");
        let fd = fuse.as_raw_fd();
        let options = format!("fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions");
        let options = std::ffi::CString::new(options).unwrap();
        mount(
            "pinnace",
            &point,
            "fuse",
            MountFlags::NODEV | MountFlags::NOSUID,
            Some(options.as_c_str()),
        )
        .unwrap();
        let (threads, wire) = pump(fuse, stream);
        let host = folder.path().join("host");
        Self {
            host,
            point,
            server: None,
            threads,
            wire,
            runtime: None,
            _folder: folder,
        }
    }

    pub fn server(&self) -> &Arc<FileServer<HostFolder>> {
        self.server.as_ref().unwrap()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        drop(self.wire.replay.lock().unwrap().take());
        let _ = unmount(&self.point, UnmountFlags::DETACH);
        if thread::panicking() {
            // Something may still have it open; the namespace ends with the test.
            if let Some(runtime) = self.runtime.take() {
                runtime.shutdown_background();
            }
            return;
        }
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// Gives this thread, and what it starts, mounts of its own. A second time it would copy the first time's mounts, and
/// they would never end.
pub fn enter_namespace() {
    thread_local!(static HAS_ENTERED: Cell<bool> = const { Cell::new(false) });
    if HAS_ENTERED.replace(true) {
        return;
    }
    // SAFETY: mounts of its own cannot surprise other threads: they keep theirs, and descriptors stay as they are.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }
        .expect("these tests need root");
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
}

/// Copies between the kernel and the stream as the guest agent does.
///
/// Notifications have a thread of their own: the kernel makes one wait for a request on the same folder, whose answer may
/// be behind it on the stream.
fn pump(fuse: File, stream: UnixStream) -> (Vec<JoinHandle<()>>, Arc<Wire>) {
    let fuse = Arc::new(fuse);
    let wire = Arc::new(Wire {
        stream: Mutex::new(stream.try_clone().unwrap()),
        replay: Mutex::default(),
    });
    let (notifications, notified) = mpsc::channel::<Vec<u8>>();
    let requests = {
        let (fuse, wire) = (Arc::clone(&fuse), Arc::clone(&wire));
        thread::spawn(move || {
            let mut buffer = vec![0; BUFFER_BYTES];
            loop {
                match (&*fuse).read(&mut buffer) {
                    Ok(count) => {
                        if wire.send(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                    // The request was given up before it was read.
                    Err(error)
                        if matches!(
                            error.raw_os_error(),
                            Some(libc::ENOENT | libc::EINTR | libc::EAGAIN)
                        ) => {}
                    // Unmounted.
                    Err(_) => break,
                }
            }
            let _ = wire.stream.lock().unwrap().shutdown(std::net::Shutdown::Both);
        })
    };
    let answers = {
        let (fuse, mut stream) = (Arc::clone(&fuse), stream);
        thread::spawn(move || {
            while let Some(message) = read_message(&mut stream) {
                if message[8..16] == [0; 8] {
                    notifications.send(message).unwrap();
                } else {
                    // Fails for a request that was given up.
                    let _ = rustix::io::write(fuse.as_fd(), &message);
                }
            }
        })
    };
    let replaying = Arc::clone(&wire);
    let notifying = thread::spawn(move || {
        for message in notified {
            if message[4..8] == REPLAY {
                // Behind the invalidations that came before it.
                if let Some(replay) = &*replaying.replay.lock().unwrap() {
                    replay(message[16..].to_vec());
                }
                continue;
            }
            // Fails for what the kernel does not know.
            let _ = rustix::io::write(fuse.as_fd(), &message);
        }
    });
    (vec![requests, answers, notifying], wire)
}

/// Reads one message of a server, or none at the stream's end.
pub fn read_message(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return None,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
        Err(error) => panic!("{error}"),
    }
    let mut message = vec![0; u32::from_le_bytes(length) as usize];
    message[..4].copy_from_slice(&length);
    stream.read_exact(&mut message[4..]).ok()?;
    Some(message)
}

/// Waits for something that will come.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < deadline, "still not: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
