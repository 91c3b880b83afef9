use std::{
    io::Read as _,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{fd::AsFd as _, unix::net::UnixStream as Hook},
    thread,
};

use protocol::{FrameDecoder, PublicationAnswer, PublicationFrame, Transport};
use tokio::task::spawn_blocking;

use super::*;
use crate::{clock::Uptime, publish::session::Session};

/// Far more than any step takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A desk with a host that is told, and hooks of the test.
struct Desk {
    publications: Publications,
    session: Session,
    folder: tempfile::TempDir,
}

impl Desk {
    fn open(engine: EngineState) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let board = Board::new(Uptime::since_now(), Vec::new());
        board.set_engine(engine);
        let publications = Publications::default();
        tokio::spawn(serve(listener, publications.clone(), board));
        let session = publications.take_over();
        Self {
            publications,
            session,
            folder,
        }
    }

    async fn ready() -> Self {
        let mut desk = Self::open(ready());
        assert_eq!(desk.told().await.last(), Some(&PublicationFrame::Synced));
        desk
    }

    /// What the host is told next.
    async fn told(&mut self) -> Vec<PublicationFrame> {
        timeout(LIMIT, self.session.next()).await.unwrap().unwrap()
    }

    fn ask(&self, request: Request, listener: Option<OwnedFd>) -> Hook {
        let hook = Hook::connect(self.folder.path().join("s")).unwrap();
        handover::send(&hook, &request, listener.as_ref().map(OwnedFd::as_fd)).unwrap();
        hook
    }

    /// The id of what the host is asked for next, alone.
    async fn asked(&mut self, request: Request, awaited: bool) -> u64 {
        match &self.told().await[..] {
            [PublicationFrame::Asked(asked)] => {
                assert_eq!((asked.host, asked.awaited), (request.host, awaited));
                asked.id
            }
            other => panic!("{other:?}"),
        }
    }

    fn answer(&self, id: u64, result: Answer) {
        self.publications.answer(PublicationAnswer { id, result });
    }
}

fn ready() -> EngineState {
    EngineState::Ready {
        version: "28.5.2".to_owned(),
        api_version: "1.51".to_owned(),
    }
}

fn request(transport: Transport, host: SocketAddr, container: SocketAddr) -> Request {
    Request {
        transport,
        host,
        container,
    }
}

/// A request for a port that is nobody's, and the listener that dockerd would have for it.
fn tcp_request() -> (Request, OwnedFd) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    let container = SocketAddr::from(([127, 0, 0, 1], 9));
    (request(Transport::Tcp, host, container), listener.into())
}

async fn answer_of(hook: &Hook) -> Answer {
    let mut hook = hook.try_clone().unwrap();
    let read = spawn_blocking(move || {
        let mut decoder = FrameDecoder::default();
        loop {
            if let Some(answer) = decoder.next_message().unwrap() {
                return answer;
            }
            let mut bytes = [0; 256];
            let length = hook.read(&mut bytes).unwrap();
            assert_ne!(length, 0, "no answer");
            decoder.push(&bytes[..length]);
        }
    });
    timeout(LIMIT, read).await.unwrap().unwrap()
}

/// As the hook does when dockerd frees the port; returns when the agent has freed it.
async fn release(mut hook: Hook) {
    use std::io::Write as _;
    hook.write_all(&[RELEASE]).unwrap();
    let end = spawn_blocking(move || hook.read(&mut [0]).unwrap());
    assert_eq!(timeout(LIMIT, end).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn serve_bound_port_is_relayed_until_it_is_freed_and_can_be_bound_again() {
    let mut desk = Desk::ready().await;
    let container = TcpListener::bind("127.0.0.1:0").unwrap();
    let (asked, listener) = tcp_request();
    let asked = request(Transport::Tcp, asked.host, container.local_addr().unwrap());
    let hook = desk.ask(asked, Some(listener));
    let id = desk.asked(asked, true).await;
    desk.answer(id, Ok(()));
    assert_eq!(answer_of(&hook).await, Ok(()));

    let exchange = spawn_blocking(move || {
        use std::io::Write as _;
        let mut client = TcpStream::connect(asked.host).unwrap();
        client.write_all(b"question").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let (mut server, _) = container.accept().unwrap();
        let (mut question, mut answer) = (String::new(), String::new());
        server.read_to_string(&mut question).unwrap();
        server.write_all(b"answer").unwrap();
        drop(server);
        client.read_to_string(&mut answer).unwrap();
        (question, answer)
    });
    let (question, answer) = timeout(LIMIT, exchange).await.unwrap().unwrap();
    assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));

    release(hook).await;
    TcpListener::bind(asked.host).unwrap();
    assert_eq!(desk.told().await, [PublicationFrame::Released { id }]);
}

#[tokio::test]
async fn serve_connection_that_the_container_refuses_is_ended_not_left_waiting() {
    let mut desk = Desk::ready().await;
    let (asked, listener) = tcp_request();
    // Bound and closed again: nobody listens there.
    let container = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let asked = request(Transport::Tcp, asked.host, container);
    let hook = desk.ask(asked, Some(listener));
    let id = desk.asked(asked, true).await;
    desk.answer(id, Ok(()));
    assert_eq!(answer_of(&hook).await, Ok(()));
    let read = spawn_blocking(move || TcpStream::connect(asked.host).unwrap().read(&mut [0]));
    let error = timeout(LIMIT, read).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn serve_datagrams_are_relayed_both_ways() {
    let mut desk = Desk::ready().await;
    let (listener, container) = (
        UdpSocket::bind("127.0.0.1:0").unwrap(),
        UdpSocket::bind("127.0.0.1:0").unwrap(),
    );
    let host = listener.local_addr().unwrap();
    let asked = request(Transport::Udp, host, container.local_addr().unwrap());
    let hook = desk.ask(asked, Some(listener.into()));
    let id = desk.asked(asked, true).await;
    desk.answer(id, Ok(()));
    assert_eq!(answer_of(&hook).await, Ok(()));
    let echo = thread::spawn(move || {
        let mut datagram = vec![0; 65_536];
        for _ in 0..2 {
            let (length, from) = container.recv_from(&mut datagram).unwrap();
            container.send_to(&datagram[..length], from).unwrap();
        }
    });
    let exchange = spawn_blocking(move || {
        for size in [1, 60_000] {
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.connect(host).unwrap();
            client.send(&vec![7; size]).unwrap();
            let mut datagram = vec![0; 65_536];
            assert_eq!(client.recv(&mut datagram).unwrap(), size);
        }
    });
    timeout(LIMIT, exchange).await.unwrap().unwrap();
    echo.join().unwrap();
    release(hook).await;
    UdpSocket::bind(host).unwrap();
}

#[tokio::test]
async fn serve_port_that_the_host_cannot_bind_is_refused_with_its_words() {
    let mut desk = Desk::ready().await;
    let (asked, listener) = tcp_request();
    let hook = desk.ask(asked, Some(listener));
    let id = desk.asked(asked, true).await;
    desk.answer(id, Err("port 8080 is taken by nginx".to_owned()));
    assert_eq!(
        answer_of(&hook).await,
        Err("port 8080 is taken by nginx".to_owned())
    );
    assert_eq!(desk.told().await, [PublicationFrame::Released { id }]);
}

#[tokio::test]
async fn serve_hook_that_ends_before_the_answer_frees_the_port() {
    let mut desk = Desk::ready().await;
    let (asked, listener) = tcp_request();
    let hook = desk.ask(asked, Some(listener));
    let id = desk.asked(asked, true).await;
    drop(hook);
    assert_eq!(desk.told().await, [PublicationFrame::Released { id }]);
}

#[tokio::test]
async fn serve_while_the_engine_starts_answers_at_once_and_nobody_waits() {
    let mut desk = Desk::open(EngineState::Starting);
    desk.told().await;
    let (asked, listener) = tcp_request();
    let hook = desk.ask(asked, Some(listener));
    assert_eq!(answer_of(&hook).await, Ok(()));
    desk.asked(asked, false).await;
}

#[tokio::test]
async fn serve_listener_of_another_kind_leaves_the_port_published() {
    let mut desk = Desk::ready().await;
    let (asked, _) = tcp_request();
    let (no_socket, _other_end) = std::io::pipe().unwrap();
    let hook = desk.ask(asked, Some(no_socket.into()));
    let id = desk.asked(asked, true).await;
    desk.answer(id, Ok(()));
    assert_eq!(answer_of(&hook).await, Ok(()));
    release(hook).await;
    assert_eq!(desk.told().await, [PublicationFrame::Released { id }]);
}

#[tokio::test]
async fn serve_hook_that_is_lost_keeps_the_port_for_the_next_dockerd() {
    let mut desk = Desk::ready().await;
    let (asked, listener) = tcp_request();
    let hook = desk.ask(asked, Some(listener));
    let id = desk.asked(asked, true).await;
    desk.answer(id, Ok(()));
    assert_eq!(answer_of(&hook).await, Ok(()));
    drop(hook);
    // The listener went with it: a new dockerd can bind the port.
    let bound = spawn_blocking(move || {
        loop {
            if let Ok(listener) = TcpListener::bind(asked.host) {
                return listener;
            }
            thread::yield_now();
        }
    });
    let listener = timeout(LIMIT, bound).await.unwrap().unwrap();
    let hook = desk.ask(asked, Some(listener.into()));
    assert_eq!(answer_of(&hook).await, Ok(()));
    release(hook).await;
    // Nothing was told in between.
    assert_eq!(desk.told().await, [PublicationFrame::Released { id }]);
}

#[tokio::test(start_paused = true)]
async fn attend_lost_port_is_freed_once_a_dockerd_is_ready_that_did_not_ask() {
    let (board, publications) = (
        Board::new(Uptime::since_now(), Vec::new()),
        Publications::default(),
    );
    let (hook, agent) = UnixStream::pair().unwrap();
    let (asked, _) = tcp_request();
    handover::send(&hook, &asked, None).unwrap();
    let attended = tokio::spawn({
        let (board, publications) = (board.clone(), publications.clone());
        async move { attend(agent, &publications, &board).await.unwrap() }
    });
    let mut session = publications.take_over();
    while !session
        .next()
        .await
        .unwrap()
        .iter()
        .any(|frame| matches!(frame, PublicationFrame::Asked(_)))
    {}
    drop(hook);
    tokio::time::sleep(ORPHAN_TIME * 10).await;
    assert!(publications.has(Transport::Tcp, asked.host.port()) && !attended.is_finished());
    board.set_engine(ready());
    attended.await.unwrap();
    assert!(!publications.has(Transport::Tcp, asked.host.port()));
}

#[tokio::test(start_paused = true)]
async fn attend_without_a_host_says_what_to_do() {
    let (board, publications) = (
        Board::new(Uptime::since_now(), Vec::new()),
        Publications::default(),
    );
    board.set_engine(ready());
    let (mut hook, agent) = UnixStream::pair().unwrap();
    let (asked, _) = tcp_request();
    handover::send(&hook, &asked, None).unwrap();
    let begin = tokio::time::Instant::now();
    attend(agent, &publications, &board).await.unwrap();
    assert!(begin.elapsed() >= ANSWER_LIMIT);
    let mut bytes = Vec::new();
    hook.read_to_end(&mut bytes).await.unwrap();
    let mut decoder = FrameDecoder::<Answer>::default();
    decoder.push(&bytes);
    let reason = decoder.next_message().unwrap().unwrap().unwrap_err();
    assert!(
        reason.contains("14 s") && reason.contains("`pinnace status`"),
        "{reason}"
    );
    assert!(!publications.has(Transport::Tcp, asked.host.port()));
}
