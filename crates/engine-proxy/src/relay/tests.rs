//! The relay between a client and an engine that are both pipes of this test.

mod told;
mod whole;

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::*;
use crate::{
    Unavailable,
    guard::{ContainerNow, Decision, Guard, GuardHost, GuardMode, GuardSettings, ProcessNow},
    rewrite::LeaveAll,
};

const PIPE_BYTES: usize = 16 * 1024;

/// A client's end whose going can be told.
struct Watched {
    stream: DuplexStream,
    gone: Mutex<Option<oneshot::Receiver<()>>>,
}

impl ClientStream for Watched {
    fn gone(&self) -> impl Future<Output = ()> + Send + 'static {
        let gone = self.gone.lock().unwrap().take();
        async move {
            let told = match gone {
                Some(gone) => gone.await.is_ok(),
                None => false,
            };
            if !told {
                std::future::pending().await
            }
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Hands the engine's end of each connection to the test.
#[derive(Debug)]
struct Pipes(mpsc::UnboundedSender<DuplexStream>);

#[async_trait::async_trait]
impl Upstream for Pipes {
    async fn open(&self) -> Result<Box<dyn Io>, Unavailable> {
        let (ours, theirs) = duplex(PIPE_BYTES);
        self.0
            .send(theirs)
            .map_err(|_| Unavailable("the machine is stopped".to_owned()))?;
        Ok(Box::new(ours))
    }
}

#[derive(Debug)]
struct NoHost;

#[async_trait::async_trait]
impl GuardHost for NoHost {
    async fn container(&self, _: &str) -> Option<ContainerNow> {
        None
    }
    async fn process(&self, _: u32, _: &str) -> Option<ProcessNow> {
        None
    }
    async fn stop(&self, _: &str, _: Option<i64>) -> Result<(), String> {
        Ok(())
    }
    async fn remove(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
    async fn end_exec(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
    fn record(&self, _: Decision) {}
}

struct Fixture {
    client: DuplexStream,
    engines: mpsc::UnboundedReceiver<DuplexStream>,
    go: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

fn fixture() -> Fixture {
    fixture_with(1)
}

/// With that many places for idle connections.
fn fixture_with(idle: usize) -> Fixture {
    connect(idle, PIPE_BYTES, Arc::new(LeaveAll), unguarded())
}

/// A client of whom nobody hears.
fn unguarded() -> Client {
    let settings = GuardSettings {
        mode: GuardMode::Off,
        ..GuardSettings::default()
    };
    Guard::spawn(settings, Arc::new(NoHost)).client(None)
}

/// A connection that holds `pipe_bytes` which its client has not read.
fn connect(idle: usize, pipe_bytes: usize, rewrite: Arc<dyn Rewrite>, guard: Client) -> Fixture {
    let (client, ours) = duplex(pipe_bytes);
    let (sender, engines) = mpsc::unbounded_channel();
    let (go, gone) = oneshot::channel();
    let relay = Relay {
        upstream: Arc::new(Pipes(sender)),
        idle: Arc::new(Semaphore::new(idle)),
        rewrite,
        guard,
    };
    let stream = Watched {
        stream: ours,
        gone: Mutex::new(Some(gone)),
    };
    Fixture {
        client,
        engines,
        go: Some(go),
        serving: tokio::spawn(async move { relay.serve(stream).await }),
    }
}

impl Fixture {
    async fn ask(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
    }

    async fn engine(&mut self) -> DuplexStream {
        self.engines.recv().await.unwrap()
    }

    async fn rest(&mut self) -> String {
        let mut text = String::new();
        self.client.read_to_string(&mut text).await.unwrap();
        text
    }
}

async fn expect(stream: &mut DuplexStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

const PING: &str = "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";
const PONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
const ATTACH: &str = "POST /containers/x/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

#[tokio::test]
async fn requests_one_after_another_share_a_connection() {
    let mut t = fixture();
    t.ask(PING).await;
    let mut engine = t.engine().await;
    for _ in 0..3 {
        expect(&mut engine, PING).await;
        engine.write_all(PONG.as_bytes()).await.unwrap();
        expect(&mut t.client, PONG).await;
        t.ask(PING).await;
    }
    assert!(t.engines.try_recv().is_err());
}

#[tokio::test]
async fn client_that_has_not_asked_yet_holds_no_connection() {
    let mut t = fixture();
    t.ask("GET /_ping HTTP/1.1\r\nHost: docker\r\n").await;
    t.client.shutdown().await.unwrap();
    t.serving.await.unwrap();
    assert!(t.engines.try_recv().is_err());
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let mut t = fixture();
    t.ask(&format!("{PING}{PING}")).await;
    let mut engine = t.engine().await;
    for _ in 0..2 {
        expect(&mut engine, PING).await;
        engine.write_all(PONG.as_bytes()).await.unwrap();
        expect(&mut t.client, PONG).await;
    }
}

#[tokio::test]
async fn chunked_bodies_pass_in_both_directions_as_they_came() {
    let mut t = fixture();
    let body = "5;x=y\r\nhello\r\n0\r\nTrailer: z\r\n\r\n";
    let request = format!("POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    t.ask(&request).await;
    let mut engine = t.engine().await;
    expect(&mut engine, &request).await;
    let response = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    engine.write_all(response.as_bytes()).await.unwrap();
    expect(&mut t.client, &response).await;
    t.ask(PING).await;
    expect(&mut engine, PING).await;
}

#[tokio::test]
async fn head_that_ends_in_a_small_piece_with_the_body_is_understood() {
    // The relay reads a piece of that length at a time: of each of these, the end of the head is elsewhere in one.
    for length in 1..=16 {
        let mut t = connect(1, 16, Arc::new(LeaveAll), unguarded());
        let long = "x".repeat(200 + length);
        let request = format!("POST /build HTTP/1.1\r\nA: {long}\r\nContent-Length: 4\r\n\r\nbody");
        t.ask(&request).await;
        let mut engine = t.engine().await;
        expect(&mut engine, &request).await;
    }
}

#[tokio::test]
async fn large_body_arrives_whole_though_the_engine_answers_first() {
    let mut t = fixture();
    let size = 4 * 1024 * 1024;
    t.ask(&format!(
        "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: {size}\r\n\r\n"
    ))
    .await;
    let mut engine = t.engine().await;
    let (reader, mut writer) = tokio::io::split(&mut t.client);
    let mut reader = tokio::io::BufReader::new(reader);
    let send = async {
        let bytes: Vec<u8> = (0..size)
            .map(|at: usize| u8::try_from(at % 251).unwrap())
            .collect();
        writer.write_all(&bytes).await.unwrap();
    };
    let receive = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(engine.read_u8().await.unwrap());
        }
        engine
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            .await
            .unwrap();
        let mut bytes = vec![0; size];
        engine.read_exact(&mut bytes).await.unwrap();
        assert!(
            bytes
                .iter()
                .enumerate()
                .all(|(at, byte)| usize::from(*byte) == at % 251)
        );
        engine.write_all(b"done").await.unwrap();
    };
    let mut text = vec![0; "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone".len()];
    let (_, _, read) = tokio::join!(send, receive, reader.read_exact(&mut text));
    read.unwrap();
    assert!(text.ends_with(b"done"));
}

#[tokio::test]
async fn interim_answer_reaches_a_client_that_waits_for_it() {
    let mut t = fixture();
    let head = "POST /images/load HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    t.ask(head).await;
    let mut engine = t.engine().await;
    expect(&mut engine, head).await;
    engine.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    expect(&mut t.client, "HTTP/1.1 100 Continue\r\n\r\n").await;
    t.ask("body").await;
    expect(&mut engine, "body").await;
    engine.write_all(PONG.as_bytes()).await.unwrap();
    expect(&mut t.client, PONG).await;
}

#[tokio::test]
async fn upgrade_with_bytes_beyond_each_head_loses_none_and_half_closes() {
    let mut t = fixture();
    t.ask(&format!("{ATTACH}early")).await;
    let mut engine = t.engine().await;
    expect(&mut engine, ATTACH).await;
    engine
        .write_all(format!("{UPGRADED}first").as_bytes())
        .await
        .unwrap();
    expect(&mut t.client, &format!("{UPGRADED}first")).await;
    expect(&mut engine, "early").await;
    t.ask("late").await;
    t.client.shutdown().await.unwrap();
    let mut input = String::new();
    engine.read_to_string(&mut input).await.unwrap();
    assert_eq!(input, "late");
    engine.write_all(b"output after the end of input").await.unwrap();
    drop(engine);
    assert_eq!(t.rest().await, "output after the end of input");
    t.serving.await.unwrap();
}

#[tokio::test]
async fn raw_answer_without_an_upgrade_carries_both_directions() {
    let mut t = fixture();
    t.ask("POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\n\r\n")
        .await;
    let mut engine = t.engine().await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
    engine.write_all(head.as_bytes()).await.unwrap();
    expect(&mut t.client, head).await;
    t.ask("input").await;
    expect(
        &mut engine,
        "POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\n\r\ninput",
    )
    .await;
    drop(engine);
    assert_eq!(t.rest().await, "");
}

#[tokio::test]
async fn client_that_goes_while_it_waits_is_seen_by_the_engine() {
    let mut t = fixture();
    t.ask("POST /containers/x/wait HTTP/1.1\r\nHost: d\r\n\r\n").await;
    let mut engine = t.engine().await;
    drop(t.client);
    let mut asked = String::new();
    engine.read_to_string(&mut asked).await.unwrap();
    assert!(asked.starts_with("POST /containers/x/wait"));
}

#[tokio::test]
async fn attached_client_that_goes_lets_the_engine_go() {
    let mut t = fixture();
    t.ask(ATTACH).await;
    let mut engine = t.engine().await;
    engine.write_all(UPGRADED.as_bytes()).await.unwrap();
    expect(&mut t.client, UPGRADED).await;
    t.go.take().unwrap().send(()).unwrap();
    t.serving.await.unwrap();
    // Nobody reads any more: the engine is told instead of being blocked.
    let mut written = 0;
    while engine.write_all(&[0; 1024]).await.is_ok() {
        written += 1024;
        assert!(written < 10 * PIPE_BYTES, "the engine writes to nobody");
    }
}

#[tokio::test]
async fn slow_client_holds_the_engine_back() {
    let mut t = fixture();
    t.ask(ATTACH).await;
    let mut engine = t.engine().await;
    engine.write_all(UPGRADED.as_bytes()).await.unwrap();
    let mut written = 0;
    let flood = async {
        loop {
            engine.write_all(&[0; 1024]).await.unwrap();
            written += 1024;
        }
    };
    // Only a bound: nothing can come after it, however fast this machine is.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(300), flood).await;
    assert!(
        written <= 3 * PIPE_BYTES + 128 * 1024,
        "{written} bytes are held for a client that does not read"
    );
}

#[tokio::test]
async fn malformed_request_is_refused_and_never_reaches_the_engine() {
    for request in [
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/3.0\r\n\r\n",
    ] {
        let mut t = fixture();
        t.ask(request).await;
        t.client.shutdown().await.unwrap();
        let answer = t.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("{\"message\":"), "{answer}");
        assert!(t.engines.try_recv().is_err());
        t.serving.await.unwrap();
    }
}

#[tokio::test]
async fn malformed_chunk_ends_the_request_with_an_error_on_both_sides() {
    let mut t = fixture();
    t.ask("POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        .await;
    let mut engine = t.engine().await;
    let mut asked = String::new();
    engine.read_to_string(&mut asked).await.unwrap();
    assert!(!asked.contains("zz"), "{asked}");
    t.client.shutdown().await.unwrap();
    assert!(t.rest().await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn engine_that_dies_before_it_answers_is_not_asked_again() {
    let mut t = fixture();
    t.ask("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}")
        .await;
    drop(t.engine().await);
    t.client.shutdown().await.unwrap();
    let answer = t.rest().await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(t.engines.try_recv().is_err(), "it was asked twice");
}

#[tokio::test]
async fn kept_connection_that_the_engine_closed_is_replaced() {
    let mut t = fixture();
    t.ask(PING).await;
    let mut engine = t.engine().await;
    expect(&mut engine, PING).await;
    engine.write_all(PONG.as_bytes()).await.unwrap();
    expect(&mut t.client, PONG).await;
    drop(engine);
    t.ask("POST /containers/x/start HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n")
        .await;
    let mut engine = t.engine().await;
    expect(&mut engine, "POST /containers/x/start").await;
}

#[tokio::test]
async fn answer_that_breaks_off_does_not_end_well() {
    let mut t = fixture();
    t.ask(PING).await;
    let mut engine = t.engine().await;
    engine
        .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        .await
        .unwrap();
    drop(engine);
    let answer = t.rest().await;
    assert!(answer.ends_with("\r\n\r\n5\r\nhel"), "{answer}");
}

#[tokio::test]
async fn stopped_machine_is_answered_with_the_reason() {
    let mut t = fixture();
    t.engines.close();
    t.ask("POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        .await;
    t.client.shutdown().await.unwrap();
    let answer = t.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"message":"the machine is stopped"}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn idle_connection_without_a_place_is_closed_at_once() {
    let mut t = fixture_with(0);
    for _ in 0..2 {
        t.ask(PING).await;
        let mut engine = t.engine().await;
        expect(&mut engine, PING).await;
        engine.write_all(PONG.as_bytes()).await.unwrap();
        expect(&mut t.client, PONG).await;
        assert_eq!(engine.read(&mut [0; 1]).await.unwrap(), 0);
    }
}
