//! Calls of an engine whose every byte a test writes down.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends with a panic")]

use std::{io, sync::Mutex};

use engine_client::{AttachQuery, Connect, Engine, EngineError, Io, LogsQuery};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// Gives its one connection away.
#[derive(Debug)]
struct Once(Mutex<Option<DuplexStream>>);

#[async_trait::async_trait]
impl Connect for Once {
    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        let stream = self.0.lock().unwrap().take();
        let stream = stream.ok_or_else(|| io::Error::other("a second connection"))?;
        Ok(Box::new(stream))
    }
}

/// An engine, and the far end of its connection.
fn engine() -> (Engine, DuplexStream) {
    // Less than an answer: both ends have to go on together.
    let (ours, theirs) = duplex(16);
    (Engine::new(Once(Mutex::new(Some(ours)))), theirs)
}

/// Reads a request's head.
async fn head(stream: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn read_logs(engine: &Engine) -> (Vec<u8>, Result<(), EngineError>) {
    let mut read = Vec::new();
    let mut stream = match engine.logs("web", &LogsQuery::default()).await {
        Ok(stream) => stream,
        Err(error) => return (read, Err(error)),
    };
    loop {
        match stream.next().await {
            Ok(Some(bytes)) => read.extend_from_slice(&bytes),
            Ok(None) => return (read, Ok(())),
            Err(error) => return (read, Err(error)),
        }
    }
}

#[tokio::test]
async fn stream_of_pieces_comes_whole() {
    let (engine, mut stream) = engine();
    let served = tokio::spawn(async move {
        let head = head(&mut stream).await;
        let answer =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n again\r\n0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        head
    });
    let (read, outcome) = read_logs(&engine).await;
    assert_eq!(read, b"hello again");
    outcome.unwrap();
    assert!(
        served
            .await
            .unwrap()
            .starts_with("GET /v1.44/containers/web/logs?")
    );
}

#[tokio::test]
async fn stream_that_breaks_off_is_an_error_after_what_came() {
    let (engine, mut stream) = engine();
    tokio::spawn(async move {
        head(&mut stream).await;
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n ag";
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let (read, outcome) = read_logs(&engine).await;
    assert!(read.starts_with(b"hello"));
    assert!(matches!(outcome, Err(EngineError::Http { .. })), "{outcome:?}");
}

#[tokio::test]
async fn refusal_has_the_engines_words() {
    let (engine, mut stream) = engine();
    tokio::spawn(async move {
        head(&mut stream).await;
        let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 21\r\n\r\n{\"message\":\"no such\"}";
        stream.write_all(answer.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let error = engine.container("web").await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.to_string(), "no such");
}

#[tokio::test]
async fn stream_given_up_is_given_up_for_the_engine() {
    let (engine, mut stream) = engine();
    let served = tokio::spawn(async move {
        head(&mut stream).await;
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.read_u8().await.unwrap_err().kind()
    });
    let mut logs = engine.logs("web", &LogsQuery::default()).await.unwrap();
    assert_eq!(logs.next().await.unwrap().unwrap(), "hi");
    drop(logs);
    assert_eq!(served.await.unwrap(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn hijacked_stream_goes_both_ways_and_ends_one_way_at_a_time() {
    let (engine, mut stream) = engine();
    let served = tokio::spawn(async move {
        assert!(head(&mut stream).await.contains("upgrade: tcp\r\n"));
        // The first bytes come along with the answer.
        let answer = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut asked = String::new();
        stream.read_to_string(&mut asked).await.unwrap();
        stream.write_all(b" late").await.unwrap();
        asked
    });
    let mut hijacked = engine.attach("web", AttachQuery::default()).await.unwrap();
    hijacked.write_all(b"in").await.unwrap();
    hijacked.shutdown().await.unwrap();
    let mut read = String::new();
    hijacked.read_to_string(&mut read).await.unwrap();
    assert_eq!(
        (read.as_str(), served.await.unwrap().as_str()),
        ("early late", "in")
    );
}

#[test]
fn streams_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<engine_client::ByteStream>();
    shared::<engine_client::JsonLines<()>>();
}
