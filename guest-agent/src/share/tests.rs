//! Real FUSE mounts, answered by a small server at the other end of a stream. They need root and `/dev/fuse`.
//!
//! Each test's mounts are in a mount namespace of its own thread: nobody else sees them.

use std::{
    cell::Cell,
    fs,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use protocol::ShareSpec;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use super::{message, place::Ground, set::Shares};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(120);
const BIG_BYTES: usize = 1 << 20;

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const ADOPT: u32 = 0x5000;
const REPLAYER: u32 = 0x5001;

const BIG: u64 = 2;
const FOLDER: u64 = 3;

/// Shares in a folder of the test's own.
struct Rig {
    shares: Shares,
    folder: TempDir,
}

impl Rig {
    fn new(ground: Ground, limit: Duration) -> Self {
        enter_namespace();
        let folder = tempfile::tempdir().unwrap();
        mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), None).unwrap();
        let shares = Shares::at(ground, folder.path().join("shares"), limit);
        Self { shares, folder }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn spec(&self, id: &str, below: &str) -> ShareSpec {
        ShareSpec {
            id: id.to_owned(),
            path: self.path(below).to_str().unwrap().to_owned(),
            read_only: false,
        }
    }

    /// Sets the shares and gives their paths.
    async fn set(&self, specs: &[&ShareSpec]) -> Vec<String> {
        let specs: Vec<_> = specs.iter().map(|spec| (*spec).clone()).collect();
        let shares = self.shares.clone();
        let set = on_thread(move || shares.set(&specs)).await;
        set.into_iter().map(|one| one.unwrap().path).collect()
    }

    /// Mounts one share.
    async fn one(&self) -> PathBuf {
        self.set(&[&self.spec("home", "host")]).await;
        self.path("shares/home")
    }

    /// A new stream, and what becomes of it in the guest.
    async fn connect(&self, server: u64) -> (Server, JoinHandle<anyhow::Result<()>>) {
        let shares = self.shares.clone();
        let pump = on_thread(move || shares.pump("home")).await.unwrap().unwrap();
        let (host, guest) = tokio::io::duplex(64 << 10);
        let served = tokio::spawn(async move { pump.serve(server, Vec::new(), guest).await });
        (Server { stream: host }, served)
    }

    /// Connects for the first time, and lets the server answer all.
    async fn served(&self, server: u64) -> JoinHandle<Vec<Asked>> {
        let (host, _served) = self.connect(server).await;
        tokio::spawn(host.answer_all())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // Else a request that waits would keep this process for ever.
        self.shares.set(&[]);
        let _ = rustix::mount::unmount(self.folder.path(), rustix::mount::UnmountFlags::DETACH);
    }
}

fn enter_namespace() {
    thread_local!(static HAS_ENTERED: Cell<bool> = const { Cell::new(false) });
    if HAS_ENTERED.replace(true) {
        return;
    }
    unshare_mounts();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
}

#[expect(unsafe_code, reason = "leaving a namespace can surprise other threads")]
fn unshare_mounts() {
    // SAFETY: mounts of its own cannot: others keep theirs, and descriptors stay as they are.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }
        .expect("these tests need root");
}

/// Does what may wait on a thread of its own, in the test's namespace.
fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (done, outcome) = oneshot::channel();
    thread::spawn(move || done.send(work()));
    outcome
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(LONG, work).await.expect("it takes too long")
}

async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    soon(start(work)).await.unwrap()
}

fn look_at(path: PathBuf) -> oneshot::Receiver<io::Result<fs::Metadata>> {
    start(move || fs::symlink_metadata(path))
}

fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

/// What came from the guest.
#[derive(Debug)]
struct Asked {
    opcode: u32,
    unique: u64,
    node: u64,
    body: Vec<u8>,
}

/// The host's end.
struct Server {
    stream: DuplexStream,
}

impl Server {
    /// The next message, or none at the stream's end.
    async fn next(&mut self) -> Option<Asked> {
        let mut header = [0; message::REQUEST_HEADER];
        soon(self.stream.read_exact(&mut header)).await.ok()?;
        let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
        let length = usize::try_from(number(0) & 0xffff_ffff).unwrap();
        let mut body = vec![0; length - header.len()];
        soon(self.stream.read_exact(&mut body)).await.ok()?;
        Some(Asked {
            opcode: u32::try_from(number(0) >> 32).unwrap(),
            unique: number(8),
            node: number(16),
            body,
        })
    }

    async fn send(&mut self, unique: u64, error: i32, body: &[u8]) {
        let length = u32::try_from(16 + body.len()).unwrap();
        let message = [
            &length.to_le_bytes()[..],
            &error.to_le_bytes(),
            &unique.to_le_bytes(),
            body,
        ];
        // A guest that ended needs no answer.
        let _ = self.stream.write_all(&message.concat()).await;
    }

    async fn answer(&mut self, asked: &Asked) {
        match answer_of(asked) {
            Some(Ok(body)) => self.send(asked.unique, 0, &body).await,
            Some(Err(errno)) => self.send(asked.unique, -errno, &[]).await,
            None => {}
        }
    }

    /// Answers until that is asked, which it does not answer.
    async fn answer_until(&mut self, is_it: impl Fn(&Asked) -> bool) -> (Asked, Vec<Asked>) {
        let mut before = Vec::new();
        loop {
            let asked = self.next().await.expect("the guest ended the stream");
            if is_it(&asked) {
                return (asked, before);
            }
            self.answer(&asked).await;
            before.push(asked);
        }
    }

    /// Answers until the stream ends.
    async fn answer_all(mut self) -> Vec<Asked> {
        let mut all = Vec::new();
        while let Some(asked) = self.next().await {
            self.answer(&asked).await;
            all.push(asked);
        }
        all
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn attributes(node: u64) -> Vec<u8> {
    let (mode, size) = match node {
        BIG => (0o100_644, u32::try_from(BIG_BYTES).unwrap()),
        _ => (0o040_755, 0),
    };
    let ino = u32::try_from(node).unwrap();
    let mut words = words(&[ino, 0, size, 0, size / 512, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    words.extend(self::words(&[mode, 1, 0, 0, 0, 4096, 0]));
    words
}

/// A share with a file `big` and a folder `folder`. A lookup of `stuck` is never answered.
fn answer_of(asked: &Asked) -> Option<Result<Vec<u8>, i32>> {
    let entry = |node: u64| {
        // Names and attributes are asked for each time.
        let head = [node, 1, 0, 0, 0].map(u64::to_le_bytes).concat();
        [head, attributes(node)].concat()
    };
    Some(Ok(match asked.opcode {
        INIT => init_answer(256),
        LOOKUP => match asked.body.strip_suffix(b"\0").unwrap() {
            b"big" => entry(BIG),
            b"folder" => entry(FOLDER),
            b"stuck" => return None,
            _ => return Some(Err(libc::ENOENT)),
        },
        GETATTR => [vec![0; 16], attributes(asked.node)].concat(),
        OPEN => vec![0; 16],
        READ => {
            let number = |at: usize| u32::from_le_bytes(asked.body[at..at + 4].try_into().unwrap()) as usize;
            let (offset, size) = (number(8), number(16));
            big()[offset.min(BIG_BYTES)..(offset + size).min(BIG_BYTES)].to_vec()
        }
        RELEASE | FLUSH => Vec::new(),
        FORGET | ADOPT..=0x5002 => return None,
        _ => return Some(Err(libc::ENOSYS)),
    }))
}

fn init_answer(max_pages: u32) -> Vec<u8> {
    // ASYNC_READ, MAX_PAGES.
    let flags = 1 | 1 << 22;
    let mut answer = words(&[7, 31, 1 << 20, flags, 16 | 12 << 16, 1 << 20, 1, max_pages]);
    answer.resize(64, 0);
    answer
}

fn big() -> Vec<u8> {
    (0..BIG_BYTES)
        .map(|at| u8::try_from(at * 7 % 251).unwrap())
        .collect()
}

#[tokio::test]
async fn read_of_one_mebibyte_arrives_in_one_piece() {
    let rig = Rig::new(Ground::Machine, LONG);
    let point = rig.one().await;
    let server = rig.served(1).await;
    let read = on_thread(move || {
        let mut file = fs::File::options()
            .read(true)
            .custom_flags(libc::O_DIRECT)
            .open(point.join("big"))?;
        // Whole pages, so that they are as few as can be.
        let mut bytes = vec![0; BIG_BYTES + 4096];
        let begin = bytes.as_ptr().align_offset(4096);
        file.read_exact(&mut bytes[begin..begin + BIG_BYTES])?;
        io::Result::Ok(bytes[begin..begin + BIG_BYTES].to_vec())
    });
    assert!(read.await.unwrap() == big(), "other bytes");
    rig.set(&[]).await;
    let asked = soon(server).await.unwrap();
    assert_eq!((asked[0].opcode, asked[1].opcode), (INIT, REPLAYER));
    let sizes = asked.iter().filter(|asked| asked.opcode == READ);
    let size = |asked: &Asked| u32::from_le_bytes(asked.body[16..20].try_into().unwrap()) as usize;
    assert_eq!(sizes.map(size).max(), Some(BIG_BYTES));
}

#[tokio::test]
async fn stream_lost_fails_what_it_left_and_the_next_of_the_server_goes_on() {
    let rig = Rig::new(Ground::Machine, LONG);
    let point = rig.one().await;
    let (mut host, served) = rig.connect(1).await;
    let stuck = look_at(point.join("stuck"));
    host.answer_until(|asked| asked.opcode == LOOKUP).await;
    drop(host);
    assert_eq!(errno(soon(stuck).await.unwrap()), Some(libc::EIO));
    let _ = soon(served).await.unwrap();

    // What is asked between the two waits.
    let waiting = look_at(point.join("big"));
    let (mut host, _served) = rig.connect(1).await;
    let first = host.next().await.unwrap();
    assert_eq!(first.opcode, REPLAYER);
    let server = tokio::spawn(host.answer_all());
    assert_eq!(soon(waiting).await.unwrap().unwrap().len(), BIG_BYTES as u64);
    rig.set(&[]).await;
    let asked = soon(server).await.unwrap();
    assert!(asked.iter().all(|asked| asked.opcode != INIT), "{asked:?}");
}

#[tokio::test]
async fn newer_stream_takes_over_and_the_older_one_ends() {
    let rig = Rig::new(Ground::Machine, LONG);
    let point = rig.one().await;
    let (mut older, older_served) = rig.connect(1).await;
    let stuck = look_at(point.join("stuck"));
    let (lookup, _) = older.answer_until(|asked| asked.opcode == LOOKUP).await;
    let (newer, _served) = rig.connect(1).await;
    tokio::spawn(newer.answer_all());
    assert_eq!(errno(soon(stuck).await.unwrap()), Some(libc::EIO));
    soon(older_served).await.unwrap().unwrap();
    // Too late; and nobody is there to read it.
    older.send(lookup.unique, 0, &[0; 128]).await;
    assert!(
        soon(look_at(point.join("folder")))
            .await
            .unwrap()
            .unwrap()
            .is_dir()
    );
}

#[tokio::test]
async fn request_without_a_stream_fails_after_the_limit() {
    let rig = Rig::new(Ground::Machine, Duration::from_millis(300));
    let point = rig.one().await;
    let (host, served) = rig.connect(1).await;
    let answering = tokio::spawn(host.answer_all());
    // The share is in use before its stream is lost.
    soon(look_at(point.join("big"))).await.unwrap().unwrap();
    answering.abort();
    let _ = soon(served).await.unwrap();
    assert_eq!(
        errno(soon(look_at(point.join("folder"))).await.unwrap()),
        Some(libc::EIO)
    );
    rig.served(1).await;
    assert!(
        soon(look_at(point.join("folder")))
            .await
            .unwrap()
            .unwrap()
            .is_dir()
    );
}

#[tokio::test]
async fn unmount_while_a_request_waits_ends_it_and_the_stream() {
    let rig = Rig::new(Ground::Machine, LONG);
    let point = rig.one().await;
    let (mut host, served) = rig.connect(1).await;
    let stuck = look_at(point.join("stuck"));
    host.answer_until(|asked| asked.opcode == LOOKUP).await;
    rig.set(&[]).await;
    assert!(soon(stuck).await.unwrap().is_err());
    soon(served).await.unwrap().unwrap();
    assert!(!point.exists());
    let shares = rig.shares.clone();
    assert!(on_thread(move || shares.pump("home")).await.unwrap().is_none());
}

/// A process in the test's mount namespace. Its end is the test's.
struct Inside(Child);

impl Inside {
    fn new() -> Self {
        Self(Command::new("cat").stdin(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn new_server_is_told_where_bind_mounts_begin() {
    let rig = Rig::new(Ground::Machine, LONG);
    let point = rig.one().await;
    let (host, served) = rig.connect(1).await;
    let answering = tokio::spawn(host.answer_all());
    let bound = rig.path("bound");
    let (folder, target) = (point.join("folder"), bound.clone());
    on_thread(move || {
        fs::create_dir(&target).unwrap();
        mount_bind(&folder, &target).unwrap();
    })
    .await;
    // A container is at least one process.
    let _container = Inside::new();
    answering.abort();
    let _ = answering.await;
    let _ = soon(served).await.unwrap();

    let (mut host, _served) = rig.connect(2).await;
    let (replayer, before) = host.answer_until(|asked| asked.opcode == REPLAYER).await;
    assert_eq!(
        replayer.body, [0_u8; 0],
        "the thread is in the header, and nothing else"
    );
    let before: Vec<_> = before
        .iter()
        .map(|asked| (asked.opcode, asked.node, &*asked.body))
        .collect();
    assert_eq!(before.len(), 2, "{before:?}");
    assert_eq!(before[0].0, INIT);
    assert_eq!(before[1], (ADOPT, FOLDER, &b"folder"[..]));
    // The kernel goes on with the node that it has.
    let looking = look_at(bound);
    let (asked, _) = host.answer_until(|asked| asked.opcode == GETATTR).await;
    assert_eq!(asked.node, FOLDER);
    host.answer(&asked).await;
    assert!(soon(looking).await.unwrap().unwrap().is_dir());
}

#[tokio::test]
async fn new_server_that_talks_otherwise_gets_a_new_mount() {
    let rig = Rig::new(Ground::Machine, LONG);
    let point = rig.one().await;
    let (mut host, served) = rig.connect(1).await;
    host.answer_until(|asked| asked.opcode == REPLAYER).await;
    drop(host);
    let _ = soon(served).await.unwrap();

    let (mut host, served) = rig.connect(2).await;
    let (init, _) = host.answer_until(|asked| asked.opcode == INIT).await;
    let waiting = look_at(point.join("big"));
    host.send(init.unique, 0, &init_answer(64)).await;
    assert!(soon(served).await.unwrap().is_err());
    assert_eq!(errno(soon(waiting).await.unwrap()), Some(libc::EIO));

    rig.served(2).await;
    assert_eq!(
        soon(look_at(point.join("big"))).await.unwrap().unwrap().len(),
        BIG_BYTES as u64
    );
}

#[tokio::test]
async fn set_mounts_at_the_hosts_path_and_leaves_nothing_behind() {
    let rig = Rig::new(Ground::Machine, LONG);
    let (deep, nested) = (
        rig.spec("home", "deep/home"),
        rig.spec("nested", "deep/home/.ssh"),
    );
    let paths = rig.set(&[&nested, &deep]).await;
    assert_eq!(paths, [rig.path("shares/nested").to_str().unwrap(), &*deep.path]);
    rig.served(1).await;
    assert!(soon(look_at(rig.path("deep/home/folder"))).await.unwrap().is_ok());
    // The same again changes nothing: the stream is still there.
    assert_eq!(rig.set(&[&deep, &nested]).await[0], deep.path);
    assert!(soon(look_at(rig.path("deep/home/folder"))).await.unwrap().is_ok());
    rig.set(&[]).await;
    assert!(!rig.path("deep").exists());
    assert_eq!(fs::read_dir(rig.path("shares")).unwrap().count(), 0);
}

#[tokio::test]
async fn set_where_the_machine_has_something_is_elsewhere() {
    let rig = Rig::new(Ground::Machine, LONG);
    fs::create_dir_all(rig.path("full/inside")).unwrap();
    fs::write(rig.path("file"), "").unwrap();
    std::os::unix::fs::symlink(rig.path("full"), rig.path("link")).unwrap();
    let specs = ["full", "file", "link/x", "file/x"];
    for below in specs {
        let paths = rig.set(&[&rig.spec("a", below)]).await;
        assert_eq!(paths, [rig.path("shares/a").to_str().unwrap()], "{below}");
    }
    // The folder that is mounted itself.
    let root = rig.spec("a", "");
    let root = ShareSpec {
        path: root.path.trim_end_matches('/').to_owned(),
        ..root
    };
    assert_eq!(rig.set(&[&root]).await, [rig.path("shares/a").to_str().unwrap()]);
    assert_eq!(fs::read_dir(rig.path("full")).unwrap().count(), 1);
}

#[tokio::test]
async fn set_in_a_process_makes_folders_only_in_memory() {
    let rig = Rig::new(Ground::Process, LONG);
    fs::create_dir(rig.path("there")).unwrap();
    let (there, deeper) = (rig.spec("a", "there/home"), rig.spec("b", "not/there"));
    let paths = rig.set(&[&there, &deeper]).await;
    assert_eq!(paths, [&*there.path, rig.path("shares/b").to_str().unwrap()]);
    assert!(!rig.path("not").exists());
    // Not in what may be somebody's disk.
    let disk = PathBuf::from("/pinnace-test-that-is-never-made");
    let on_disk = ShareSpec {
        id: "c".to_owned(),
        path: disk.to_str().unwrap().to_owned(),
        read_only: true,
    };
    assert_eq!(
        rig.set(&[&on_disk]).await,
        [rig.path("shares/c").to_str().unwrap()]
    );
    assert!(!disk.exists());
}

#[tokio::test]
async fn pump_ends_with_its_share_whoever_holds_it() {
    let rig = Rig::new(Ground::Machine, LONG);
    rig.one().await;
    let shares = rig.shares.clone();
    let pump = on_thread(move || shares.pump("home")).await.unwrap().unwrap();
    rig.set(&[]).await;
    let (_host, guest) = tokio::io::duplex(64);
    // The thread that reads needs a moment to see it.
    let held = Arc::clone(&pump);
    let served = timeout(LONG, async move { held.serve(1, Vec::new(), guest).await });
    let _ = served.await.expect("it goes on");
    assert!(pump.has_ended());
    assert!(!Path::new(&rig.path("shares/home")).exists());
}

#[tokio::test]
async fn close_leaves_nothing_mounted_and_what_is_asked_later_mounts_nothing() {
    let rig = Rig::new(Ground::Machine, LONG);
    rig.one().await;
    let (shares, spec) = (rig.shares.clone(), rig.spec("home", "host"));
    let later = on_thread(move || {
        shares.close();
        (shares.set(&[spec]), shares.pump("home"))
    });
    let (set, pump) = later.await;
    assert!(set[0].is_err());
    assert!(pump.unwrap().is_none());
    assert!(!Path::new(&rig.path("shares/home")).exists());
}
