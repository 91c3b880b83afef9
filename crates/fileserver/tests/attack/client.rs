//! A raw FUSE client, and a share beside a canary that it must not reach.
#![expect(dead_code, reason = "each program of tests uses a part")]

use std::{
    collections::HashMap,
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::MetadataExt as _, net::UnixStream},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use fileserver::{Access, FileServer, HostFolder, ServeError, ShareOptions};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinHandle};

/// What no guest may read or change.
const CANARY: &str = "outside of the share";

/// An error, or 0, and the body of an answer.
pub type Answer = (i32, Vec<u8>);
/// What is asked, of which node, and with what.
pub type Question = (u32, u64, Vec<u8>);

pub struct Attacker {
    pub share: PathBuf,
    pub outside: PathBuf,
    stream: UnixStream,
    /// Answers that came before somebody wanted them.
    early: HashMap<u64, Answer>,
    /// What the server told without being asked: the code and the message.
    pub notifications: Vec<Answer>,
    next_unique: u64,
    server: Arc<FileServer<HostFolder>>,
    serving: Option<JoinHandle<Result<(), ServeError>>>,
    runtime: Runtime,
    before: Vec<(PathBuf, u64, i64, i64, u32, u32)>,
    _folder: TempDir,
}

impl Attacker {
    /// A share with the file `inside`, and a folder beside it with a canary.
    pub fn new() -> Self {
        Self::with(ShareOptions {
            access: Access::ReadWrite,
            ..ShareOptions::default()
        })
    }

    pub fn with(options: ShareOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (share, outside) = (folder.path().join("share"), folder.path().join("outside"));
        fs::create_dir(&share).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(share.join("inside"), "within").unwrap();
        fs::write(outside.join("canary"), CANARY).unwrap();
        let server = Arc::new(FileServer::new(HostFolder::open(&share).unwrap(), options).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stream, serving) = connect(&runtime, &server);
        let before = evidence(&outside);
        let mut attacker = Self {
            share,
            outside,
            stream,
            early: HashMap::new(),
            notifications: Vec::new(),
            next_unique: 2,
            server,
            serving: Some(serving),
            runtime,
            before,
            _folder: folder,
        };
        let (error, _) = attacker.ask(26, 0, &bytes(&[7, 45, 1 << 17, u32::MAX]));
        assert_eq!(error, 0);
        attacker
    }

    /// Sends a request; its number.
    pub fn tell(&mut self, opcode: u32, node: u64, body: &[u8]) -> u64 {
        let unique = self.next_unique;
        self.next_unique += 2;
        let mut message = bytes(&[40 + body.len() as u32, opcode]);
        message.extend(unique.to_le_bytes());
        message.extend(node.to_le_bytes());
        message.extend(bytes(&[0, 0, 1, 0]));
        message.extend(body);
        self.stream.write_all(&message).unwrap();
        unique
    }

    /// Waits for the answer to a request.
    pub fn answer_to(&mut self, unique: u64) -> Answer {
        loop {
            if let Some(answer) = self.early.remove(&unique) {
                return answer;
            }
            self.take_message();
        }
    }

    /// Waits for a notification that `is_it`.
    pub fn until_told(&mut self, is_it: impl Fn(&Answer) -> bool) {
        while !self.notifications.iter().any(&is_it) {
            self.take_message();
        }
    }

    fn take_message(&mut self) {
        let mut header = [0; 16];
        self.stream.read_exact(&mut header).unwrap();
        let length = u32::from_le_bytes(header[..4].try_into().unwrap()) as usize;
        let error = i32::from_le_bytes(header[4..8].try_into().unwrap());
        let mut body = vec![0; length - 16];
        self.stream.read_exact(&mut body).unwrap();
        match number(&header[8..]) {
            0 => self.notifications.push((error, body)),
            of => assert!(error <= 0 && self.early.insert(of, (error, body)).is_none()),
        }
    }

    pub fn server(&self) -> &Arc<FileServer<HostFolder>> {
        &self.server
    }

    pub fn ask(&mut self, opcode: u32, node: u64, body: &[u8]) -> Answer {
        let unique = self.tell(opcode, node, body);
        self.answer_to(unique)
    }

    /// Asks all at once; the answers in the questions' order.
    pub fn ask_all(&mut self, questions: Vec<Question>) -> Vec<Answer> {
        let uniques: Vec<u64> = questions
            .iter()
            .map(|(opcode, node, body)| self.tell(*opcode, *node, body))
            .collect();
        uniques.into_iter().map(|unique| self.answer_to(unique)).collect()
    }

    /// Looks a name up: the number of its node, or the error.
    pub fn find(&mut self, folder: u64, text: &[u8]) -> Result<u64, i32> {
        let (error, body) = self.ask(1, folder, &name(text));
        node(error, &body)
    }

    /// Ends the stream and starts another one.
    pub fn reconnect(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
        self.runtime
            .block_on(self.serving.take().unwrap())
            .unwrap()
            .unwrap();
        let (stream, serving) = connect(&self.runtime, &self.server);
        (self.stream, self.serving) = (stream, Some(serving));
    }

    /// How the server ends after these bytes.
    pub fn ends_with(mut self, bytes: &[u8]) -> Result<(), ServeError> {
        self.stream.write_all(bytes).unwrap();
        self.runtime.block_on(self.serving.take().unwrap()).unwrap()
    }
}

/// Whatever the test did, the canary is as it was.
impl Drop for Attacker {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(evidence(&self.outside), self.before);
            assert_eq!(fs::read_to_string(self.outside.join("canary")).unwrap(), CANARY);
        }
    }
}

fn connect(
    runtime: &Runtime,
    server: &Arc<FileServer<HostFolder>>,
) -> (UnixStream, JoinHandle<Result<(), ServeError>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    theirs.set_nonblocking(true).unwrap();
    let server = Arc::clone(server);
    let serving = runtime.spawn(async move {
        server
            .serve(tokio::net::UnixStream::from_std(theirs).unwrap())
            .await
    });
    (ours, serving)
}

/// All that a change would show in; the time of the last read is no part of it only because the test reads too.
fn evidence(outside: &PathBuf) -> Vec<(PathBuf, u64, i64, i64, u32, u32)> {
    let paths = fs::read_dir(outside)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .chain([outside.clone()]);
    let of = |path: PathBuf| {
        let metadata = fs::symlink_metadata(&path).unwrap();
        (
            path,
            metadata.len(),
            metadata.ctime(),
            metadata.ctime_nsec(),
            metadata.mode(),
            metadata.uid(),
        )
    };
    paths.map(of).collect()
}

pub fn node(error: i32, body: &[u8]) -> Result<u64, i32> {
    if error == 0 { Ok(number(body)) } else { Err(error) }
}

pub fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}

pub fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

pub fn name(text: &[u8]) -> Vec<u8> {
    [text, &[0]].concat()
}

pub fn read(fh: u64, offset: u64, size: u32) -> Vec<u8> {
    [
        fh.to_le_bytes().to_vec(),
        offset.to_le_bytes().to_vec(),
        bytes(&[size, 0, 0, 0, 0, 0]),
    ]
    .concat()
}

pub fn write(fh: u64, offset: u64, data: &[u8]) -> Vec<u8> {
    [read(fh, offset, data.len() as u32), data.to_vec()].concat()
}

pub fn release(fh: u64) -> Vec<u8> {
    [fh.to_le_bytes().to_vec(), bytes(&[0; 4])].concat()
}

pub fn setattr(valid: u32, mode: u32, uid: u32) -> Vec<u8> {
    let mut body = bytes(&[0; 22]);
    body[..4].copy_from_slice(&valid.to_le_bytes());
    body[68..72].copy_from_slice(&mode.to_le_bytes());
    body[76..80].copy_from_slice(&uid.to_le_bytes());
    body
}

/// An exclusive lock of the whole file: of the kind of `flock` when `whole`.
pub fn lock(owner: u64, kind: u32, whole: bool) -> Vec<u8> {
    let range = [0_u64.to_le_bytes(), (i64::MAX as u64).to_le_bytes()].concat();
    [
        vec![0; 8],
        owner.to_le_bytes().to_vec(),
        range,
        bytes(&[kind, 0, u32::from(whole), 0]),
    ]
    .concat()
}
