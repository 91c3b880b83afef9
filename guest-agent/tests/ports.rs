//! Ports, with the real programs: hook processes as dockerd starts them, the agent, and a real link.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

mod machine;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixListener,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use link::{Lane, Stream};
use protocol::{
    EngineState, Event, ForwardTarget, FrameDecoder, LinkPort, PublicationFrame, Request, StreamHead,
    Transport, encode,
};
use rustix::{
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
    thread::{ThreadNameSpaceType, move_into_thread_name_spaces},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::spawn_blocking,
    time::timeout,
};

use self::machine::{LIMIT, Machine};

const SCRIPT: &str = r#"exec 3>&1 4<&0 </dev/null >/dev/null; exec "$@""#;

/// A hook process, with descriptors 3 and 4 as dockerd gives them.
struct Hook {
    process: Child,
}

impl Hook {
    fn start(program: &Path, listener: impl Into<OwnedFd>, arguments: &str) -> Self {
        let process = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(program)
            .args(arguments.split_ascii_whitespace())
            .stdin(listener.into())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process }
    }

    /// For a port of ours. Gives its address.
    fn publish(program: &Path, listener: TcpListener) -> (Self, SocketAddr) {
        let address = listener.local_addr().unwrap();
        let arguments = format!(
            "-proto tcp -host-ip 127.0.0.1 -host-port {} -container-ip 172.17.0.2 -container-port 80 -use-listen-fd",
            address.port()
        );
        (Self::start(program, listener, &arguments), address)
    }

    /// What it tells dockerd, up to the end.
    async fn report(&mut self) -> String {
        let mut output = self.process.stdout.take().unwrap();
        let read = spawn_blocking(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        });
        timeout(LIMIT, read).await.unwrap().unwrap().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Whether it ends well.
    async fn end(mut self) -> bool {
        let wait = spawn_blocking(move || self.process.wait().map(|status| status.success()));
        timeout(LIMIT, wait).await.unwrap().unwrap().unwrap()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The number of PID 1 of the machine, as we see it.
fn init(machine: &Machine) -> i32 {
    let outer = machine.process.id();
    let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).unwrap();
    children.trim().parse().unwrap()
}

/// A machine whose agent has laid out the hook's program. Gives its path, as seen from here.
async fn machine() -> (Machine, PathBuf) {
    let mut machine = Machine::start().await;
    // The engine waits for it.
    let shares = Vec::new();
    machine.ask(Request::SetShares { shares }).await.unwrap();
    // The engine comes after the program, and fails: there is no dockerd.
    if !matches!(machine.facts().await.engine, EngineState::Unhealthy { .. }) {
        machine
            .event(|event| matches!(event, Event::Engine(EngineState::Unhealthy { .. })))
            .await;
    }
    let program = format!("/proc/{}/root/run/pinnace/publish/docker-proxy", init(&machine));
    (machine, PathBuf::from(program))
}

/// A folder with the program under the hook's name, and nobody on its socket.
fn lonely() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-proxy");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pinnace-guest-agent"), &program).unwrap();
    (folder, program)
}

fn any_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

struct Publications {
    stream: Stream,
    decoder: FrameDecoder<PublicationFrame>,
}

impl Publications {
    async fn open(machine: &Machine) -> Self {
        let stream = machine
            .link
            .dial(Lane::Control, LinkPort::PUBLICATIONS.0)
            .await
            .unwrap();
        let mut opened = Self {
            stream,
            decoder: FrameDecoder::default(),
        };
        assert_eq!(opened.next().await, PublicationFrame::Listeners(Vec::new()));
        assert_eq!(opened.next().await, PublicationFrame::Synced);
        opened
    }

    async fn next(&mut self) -> PublicationFrame {
        let read = async {
            loop {
                if let Some(frame) = self.decoder.next_message().unwrap() {
                    return frame;
                }
                let mut bytes = [0; 1024];
                let length = self.stream.read(&mut bytes).await.unwrap();
                assert_ne!(length, 0, "the stream ended");
                self.decoder.push(&bytes[..length]);
            }
        };
        timeout(LIMIT, read).await.unwrap()
    }
}

#[tokio::test]
async fn hook_publishes_until_sigint_and_outlives_a_dockerd() {
    let (machine, program) = machine().await;
    let mut told = Publications::open(&machine).await;

    let (mut hook, address) = Hook::publish(&program, any_port());
    assert_eq!(hook.report().await, "0\n");
    let PublicationFrame::Asked(asked) = told.next().await else {
        panic!("not asked")
    };
    assert_eq!((asked.host, asked.transport), (address, Transport::Tcp));
    assert_eq!(asked.container, "172.17.0.2:80".parse().unwrap());
    assert!(!asked.awaited, "the engine is not ready");

    // Nobody has that address in the machine: a connection ends, and does not wait in a queue that nobody serves.
    let read = spawn_blocking(move || TcpStream::connect(address).unwrap().read(&mut [0]));
    assert!(!matches!(timeout(LIMIT, read).await.unwrap().unwrap(), Ok(1)));

    // dockerd died: the next one binds the port, and starts another hook for it.
    hook.signal(Signal::TERM);
    assert!(hook.end().await);
    let bound = spawn_blocking(move || {
        loop {
            if let Ok(listener) = TcpListener::bind(address) {
                return listener;
            }
            thread::yield_now();
        }
    });
    let (mut hook, _) = Hook::publish(&program, timeout(LIMIT, bound).await.unwrap().unwrap());
    assert_eq!(hook.report().await, "0\n");

    // dockerd frees the port. It waits for the hook's end, and may bind the port at once.
    hook.signal(Signal::INT);
    assert!(hook.end().await);
    TcpListener::bind(address).unwrap();
    assert_eq!(told.next().await, PublicationFrame::Released { id: asked.id });
}

#[tokio::test]
async fn hook_without_agent_or_with_other_arguments_says_why() {
    let (_folder, program) = lonely();
    let (mut hook, _) = Hook::publish(&program, any_port());
    let report = hook.report().await;
    assert!(report.starts_with("1\nfailed to connect to "), "{report}");
    assert!(!hook.end().await);

    let sctp = "-proto sctp -host-ip 0.0.0.0 -host-port 1 -container-ip 172.17.0.2 -container-port 80";
    for (arguments, expected) in [
        (sctp, "1\nSCTP ports cannot be published"),
        ("-new 1", "1\n\"-new\" is no argument"),
    ] {
        let mut hook = Hook::start(&program, any_port(), arguments);
        let report = hook.report().await;
        assert!(report.starts_with(expected), "{report}");
        assert!(!hook.end().await);
    }
}

#[tokio::test]
async fn hook_passes_a_refusal_on_and_ends_with_its_agent() {
    let (folder, program) = lonely();
    let agent = UnixListener::bind(folder.path().join("publish.sock")).unwrap();
    let (mut hook, _) = Hook::publish(&program, any_port());
    let (mut asked, _) = agent.accept().unwrap();
    let refusal: Result<(), String> = Err("port 8080 is taken".to_owned());
    asked.write_all(&encode(&refusal).unwrap()).unwrap();
    assert_eq!(hook.report().await, "1\nport 8080 is taken");
    assert!(!hook.end().await);

    let (mut hook, _) = Hook::publish(&program, any_port());
    let (mut asked, _) = agent.accept().unwrap();
    let done: Result<(), String> = Ok(());
    asked.write_all(&encode(&done).unwrap()).unwrap();
    assert_eq!(hook.report().await, "0\n");
    drop(asked);
    assert!(hook.end().await);
}

#[tokio::test]
async fn hook_that_dockerd_gives_up_on_ends() {
    let (folder, program) = lonely();
    let agent = UnixListener::bind(folder.path().join("publish.sock")).unwrap();
    let (mut hook, _) = Hook::publish(&program, any_port());
    let (_asked, _) = agent.accept().unwrap();
    hook.signal(Signal::TERM);
    assert_eq!(hook.report().await, "");
    assert!(hook.end().await);
}

/// Does something in the machine's network, on a thread that ends with it.
async fn in_network<T: Send + 'static>(machine: &Machine, work: impl FnOnce() -> T + Send + 'static) -> T {
    let process = pidfd_open(Pid::from_raw(init(machine)).unwrap(), PidfdFlags::empty()).unwrap();
    let entered = thread::spawn(move || {
        move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::NETWORK).unwrap();
        work()
    });
    spawn_blocking(move || entered.join().unwrap()).await.unwrap()
}

async fn forward(machine: &Machine, transport: Transport, address: SocketAddr) -> Stream {
    let target = ForwardTarget::Address(address);
    machine
        .open(LinkPort::FORWARD, &StreamHead::Forward { transport, target })
        .await
}

#[tokio::test]
async fn forward_tcp_ends_each_direction_by_itself_and_passes_aborts_both_ways() {
    let (machine, _) = machine().await;
    let listener = in_network(&machine, any_port).await;
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let accepted = || async { timeout(LIMIT, listener.accept()).await.unwrap().unwrap().0 };

    let mut stream = forward(&machine, Transport::Tcp, address).await;
    let mut server = accepted().await;
    stream.write_all(b"question").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    timeout(LIMIT, server.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    server.write_all(b" and answer").await.unwrap();
    drop(server);
    timeout(LIMIT, stream.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(text, "question and answer");

    let stream = forward(&machine, Transport::Tcp, address).await;
    let mut server = accepted().await;
    stream.abort();
    let error = timeout(LIMIT, server.read(&mut [0])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let mut stream = forward(&machine, Transport::Tcp, address).await;
    let server = accepted().await;
    server.set_zero_linger().unwrap();
    drop(server);
    let error = timeout(LIMIT, stream.read(&mut [0])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    drop(listener);
    let mut stream = forward(&machine, Transport::Tcp, address).await;
    let error = timeout(LIMIT, stream.read(&mut [0])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn forward_udp_passes_the_largest_datagram_both_ways() {
    let (machine, _) = machine().await;
    let server = in_network(&machine, || std::net::UdpSocket::bind("[::1]:0").unwrap()).await;
    let address = server.local_addr().unwrap();
    let echo = thread::spawn(move || {
        let mut datagram = vec![0; 65_536];
        let (length, from) = server.recv_from(&mut datagram).unwrap();
        server.send_to(&datagram[..length], from).unwrap();
    });
    let mut stream = forward(&machine, Transport::Udp, address).await;
    let length = u16::try_from(protocol::MAX_DATAGRAM_BYTES).unwrap();
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend((0..length).map(|at| at.to_le_bytes()[0]));
    stream.write_all(&framed).await.unwrap();
    stream.flush().await.unwrap();
    let mut back = vec![0; framed.len()];
    timeout(LIMIT, stream.read_exact(&mut back))
        .await
        .unwrap()
        .unwrap();
    assert!(back == framed, "the datagram differs");
    echo.join().unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(timeout(LIMIT, stream.read(&mut back)).await.unwrap().unwrap(), 0);
}
