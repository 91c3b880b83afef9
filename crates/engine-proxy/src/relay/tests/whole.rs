//! Bodies that are read whole, and what becomes of them.

use super::*;
use crate::rewrite::{MAX_BODY_BYTES, Refusal};

/// Wants what makes containers. `keep` stays, `never` is refused, anything else is put into brackets.
#[derive(Debug)]
struct Brackets;

impl Rewrite for Brackets {
    fn wants(&self, method: &str, target: &str) -> bool {
        method == "POST" && target.starts_with("/containers/create")
    }

    fn rewrite(&self, _: &str, _: &str, body: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        match body {
            b"keep" => Ok(None),
            b"never" => Err(Refusal {
                message: "not that".to_owned(),
            }),
            _ => Ok(Some([b"[", body, b"]"].concat())),
        }
    }
}

fn bracketing() -> Fixture {
    connect(1, PIPE_BYTES, Arc::new(Brackets), unguarded())
}

fn create(headers: &str, body: &str) -> String {
    format!("POST /containers/create?name=x HTTP/1.1\r\nHost: d\r\n{headers}\r\n{body}")
}

/// What the engine gets of a request; the client's next one must be understood by both.
async fn check(asked: &str, forwarded: &str) {
    let mut t = bracketing();
    t.ask(asked).await;
    let mut engine = t.engine().await;
    expect(&mut engine, forwarded).await;
    engine.write_all(PONG.as_bytes()).await.unwrap();
    expect(&mut t.client, PONG).await;
    t.ask(PING).await;
    expect(&mut engine, PING).await;
}

#[tokio::test]
async fn body_that_changes_has_its_new_length() {
    check(
        &create("Content-Length: 4\r\nContent-Type: a\r\n", "body"),
        &create("Content-Type: a\r\nContent-Length: 6\r\n", "[body]"),
    )
    .await;
    check(&create("", ""), &create("Content-Length: 2\r\n", "[]")).await;
}

#[tokio::test]
async fn chunked_body_that_changes_loses_chunks_and_trailers() {
    let asked = create(
        "Transfer-Encoding: chunked\r\nTrailer: A\r\n",
        "3;x=y\r\nbod\r\n1\r\ny\r\n0\r\nA: b\r\n\r\n",
    );
    check(&asked, &create("Content-Length: 6\r\n", "[body]")).await;
}

#[tokio::test]
async fn body_that_stays_passes_as_it_came() {
    for asked in [
        create("content-length: 4\r\nX: y\r\n", "keep"),
        create(
            "Transfer-Encoding: chunked\r\nTrailer: A\r\n",
            "2;x=y\r\nke\r\n002\r\nep\r\n0\r\nA: b\r\n\r\n",
        ),
    ] {
        check(&asked, &asked).await;
    }
}

/// An engine that says when it is ready, or why it is not.
#[derive(Debug)]
struct Late(Pipes, tokio::sync::watch::Sender<Option<Result<(), Unavailable>>>);

#[async_trait::async_trait]
impl Upstream for Late {
    async fn open(&self) -> Result<Box<dyn Io>, Unavailable> {
        self.0.open().await
    }

    async fn ready(&self) -> Result<(), Unavailable> {
        let mut ready = self.1.subscribe();
        let ready = ready.wait_for(Option::is_some).await.unwrap();
        ready.clone().unwrap()
    }
}

#[tokio::test]
async fn body_is_rewritten_when_the_engine_is_ready() {
    let asked = create("Content-Length: 4\r\n", "body");
    for (ready, answer) in [
        (Ok(()), None),
        (
            Err(Unavailable("no machine".to_owned())),
            Some("HTTP/1.1 503 Service Unavailable\r\n"),
        ),
    ] {
        let (pipes, mut engines) = mpsc::unbounded_channel();
        let (mut client, theirs) = duplex(PIPE_BYTES);
        let said = tokio::sync::watch::Sender::new(None);
        let relay = Relay {
            upstream: Arc::new(Late(Pipes(pipes), said.clone())),
            idle: Arc::new(Semaphore::new(1)),
            rewrite: Arc::new(Brackets),
            guard: unguarded(),
        };
        let stream = Watched {
            stream: theirs,
            gone: Mutex::new(None),
        };
        let _serving =
            tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move { relay.serve(stream).await }));
        client.write_all(asked.as_bytes()).await.unwrap();
        // The relay has read the request and asks whether the engine is ready.
        while said.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(engines.try_recv().is_err());
        said.send_replace(Some(ready));
        match answer {
            Some(answer) => expect(&mut client, answer).await,
            None => {
                expect(
                    &mut engines.recv().await.unwrap(),
                    &create("Content-Length: 6\r\n", "[body]"),
                )
                .await
            }
        }
    }
}

#[tokio::test]
async fn body_that_comes_in_pieces_is_waited_for() {
    let mut t = bracketing();
    let asked = create("Content-Length: 4\r\n", "body");
    for piece in asked.as_bytes().chunks(1) {
        t.client.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut engine = t.engine().await;
    expect(&mut engine, &create("Content-Length: 6\r\n", "[body]")).await;
}

#[tokio::test]
async fn client_that_waits_to_be_asked_for_its_body_is_asked_once() {
    let mut t = bracketing();
    t.ask(&create("Expect: 100-continue\r\nContent-Length: 4\r\n", ""))
        .await;
    expect(&mut t.client, "HTTP/1.1 100 Continue\r\n\r\n").await;
    t.ask("body").await;
    let mut engine = t.engine().await;
    // The engine is not told to ask once more.
    expect(&mut engine, &create("Content-Length: 6\r\n", "[body]")).await;
    engine.write_all(PONG.as_bytes()).await.unwrap();
    expect(&mut t.client, PONG).await;
}

#[tokio::test]
async fn refused_body_is_answered_and_the_next_request_goes_on() {
    let mut t = bracketing();
    t.ask(&format!("{}{PING}", create("Content-Length: 5\r\n", "never")))
        .await;
    let mut engine = t.engine().await;
    expect(&mut engine, PING).await;
    engine.write_all(PONG.as_bytes()).await.unwrap();
    drop(engine);
    t.client.shutdown().await.unwrap();
    let answers = t.rest().await;
    assert!(answers.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answers}");
    assert!(
        answers.ends_with(&format!(r#"{{"message":"not that"}}{PONG}"#)),
        "{answers}"
    );
}

#[tokio::test]
async fn refused_body_of_a_client_that_closes_ends_the_connection() {
    let mut t = bracketing();
    t.ask(&create("Connection: close\r\nContent-Length: 5\r\n", "never"))
        .await;
    let answer = t.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn body_that_is_too_long_is_refused_and_never_reaches_the_engine() {
    let length = MAX_BODY_BYTES + 1;
    let sized = create(&format!("Content-Length: {length}\r\n"), "");
    let waiting = create(
        &format!("Expect: 100-continue\r\nContent-Length: {length}\r\n"),
        "",
    );
    let chunked = create(
        "Transfer-Encoding: chunked\r\n",
        &format!("{length:x}\r\n{}", "x".repeat(length)),
    );
    for asked in [sized, waiting, chunked] {
        let mut t = bracketing();
        t.ask(&asked).await;
        t.client.shutdown().await.unwrap();
        let answer = t.rest().await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("{\"message\":"), "{answer}");
        t.serving.await.unwrap();
        assert!(t.engines.try_recv().is_err());
    }
}

#[tokio::test]
async fn body_that_breaks_off_never_reaches_the_engine() {
    for asked in [
        create("Content-Length: 4\r\n", "bod"),
        create("Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n"),
    ] {
        let mut t = bracketing();
        t.ask(&asked).await;
        t.client.shutdown().await.unwrap();
        t.serving.await.unwrap();
        assert!(t.engines.try_recv().is_err());
    }
}

#[tokio::test]
async fn malformed_chunk_of_a_whole_body_is_refused() {
    let mut t = bracketing();
    t.ask(&create("Transfer-Encoding: chunked\r\n", "zz\r\n")).await;
    t.client.shutdown().await.unwrap();
    assert!(t.rest().await.starts_with("HTTP/1.1 400 "));
    t.serving.await.unwrap();
    assert!(t.engines.try_recv().is_err());
}

#[tokio::test]
async fn large_whole_body_does_not_wait_for_the_answer_that_comes_first() {
    let mut t = bracketing();
    let size = MAX_BODY_BYTES - 2;
    let body = "x".repeat(size);
    t.ask(&create(&format!("Content-Length: {size}\r\n"), &body))
        .await;
    let mut engine = t.engine().await;
    // It does not read, and its answer arrives all the same.
    engine.write_all(PONG.as_bytes()).await.unwrap();
    expect(&mut t.client, PONG).await;
}
