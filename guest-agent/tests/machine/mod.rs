//! The machine of the cases: the agent and nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use link::{HostAddress, Lane, Link, Side, Stream, host_listener};
use protocol::{
    ErrorCode, Event, Facts, FrameDecoder, GuestFrame, HostFrame, LinkPort, Reply, Request, StreamHead,
    encode,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// Far more than any step takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

pub struct Machine {
    pub process: Child,
    pub link: Link,
    control: Stream,
    decoder: FrameDecoder<GuestFrame>,
    _folder: tempfile::TempDir,
}

impl Machine {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        for path in ["dev", "proc", "sys", "run", "tmp", "lanes", "state"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        install(Path::new(env!("CARGO_BIN_EXE_pinnace-guest-agent")), &root);
        let carriers = Lane::ALL
            .into_iter()
            .map(|lane| {
                let path = root.join("lanes").join(format!("{}.sock", lane.name()));
                let listener = host_listener(HostAddress::Unix(path)).unwrap();
                (lane, Box::new(listener) as Box<dyn link::Carrier>)
            })
            .collect();
        let (link, _) = Link::new(Side::Host, protocol::GENERATION, carriers);
        let process = Command::new("unshare")
            .args([
                "--map-root-user",
                "--mount",
                "--pid",
                "--net",
                "--ipc",
                "--uts",
                "--fork",
                "--kill-child",
            ])
            .arg("chroot")
            .arg(&root)
            .args(["/agent", "process", "--lanes", "/lanes", "--state", "/state"])
            .spawn()
            .unwrap();
        timeout(LIMIT, link.wait_up(Lane::Control)).await.unwrap();
        timeout(LIMIT, link.wait_up(Lane::Data)).await.unwrap();
        let control = link.dial(Lane::Control, LinkPort::CONTROL.0).await.unwrap();
        Self {
            process,
            link,
            control,
            decoder: FrameDecoder::default(),
            _folder: folder,
        }
    }

    pub async fn next(&mut self) -> GuestFrame {
        let read = async {
            loop {
                if let Some(frame) = self.decoder.next_message().unwrap() {
                    return frame;
                }
                let mut bytes = [0; 4096];
                let length = self.control.read(&mut bytes).await.unwrap();
                assert_ne!(length, 0, "the control stream ended");
                self.decoder.push(&bytes[..length]);
            }
        };
        timeout(LIMIT, read).await.unwrap()
    }

    pub async fn ask(&mut self, request: Request) -> Result<Reply, ErrorCode> {
        self.control
            .write_all(&encode(&HostFrame { id: 5, request }).unwrap())
            .await
            .unwrap();
        self.control.flush().await.unwrap();
        loop {
            if let GuestFrame::Reply { id: 5, result } = self.next().await {
                return result.map_err(|error| error.code);
            }
        }
    }

    pub async fn facts(&mut self) -> Facts {
        match self.ask(Request::Facts).await {
            Ok(Reply::Facts(facts)) => facts,
            other => panic!("{other:?}"),
        }
    }

    pub async fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            if let GuestFrame::Event(event) = self.next().await
                && wanted(&event)
            {
                return event;
            }
        }
    }

    pub async fn open(&self, port: LinkPort, head: &StreamHead) -> Stream {
        let mut stream = self.link.dial(Lane::Data, port.0).await.unwrap();
        stream.write_all(&encode(head).unwrap()).await.unwrap();
        stream.flush().await.unwrap();
        stream
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It has ended already where a test asked it to.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Copies the program and the libraries that it is linked with.
fn install(program: &Path, root: &Path) {
    fs::copy(program, root.join("agent")).unwrap();
    let listed = Command::new("ldd").arg(program).output().unwrap();
    for word in String::from_utf8(listed.stdout)
        .unwrap()
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        let target = PathBuf::from(format!("{}{word}", root.display()));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(word, target).unwrap();
    }
}
