//! Calls to a made-up guest over a real link in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{io, time::Duration};

use async_trait::async_trait;
use link::{Arrival, Carrier, Incoming, Lane, Link, RawStream, Side, Stream};
use pinnace_agent_client::{AgentClient, AgentClientError};
use protocol::{
    AgentError, EngineState, ErrorCode, Event, Facts, FrameDecoder, GuestFrame, HostFrame, LinkPort,
    LogSource, ProcessFacts, Reply, Request, StreamHead, TerminalFacts, encode,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Memory(Option<RawStream>);

#[async_trait]
impl Carrier for Memory {
    async fn connect(&mut self) -> io::Result<RawStream> {
        match self.0.take() {
            Some(stream) => Ok(stream),
            None => std::future::pending().await,
        }
    }
}

fn links() -> (Link, Link, Incoming) {
    let (mut host, mut guest) = (Vec::new(), Vec::new());
    for lane in Lane::ALL {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        host.push((lane, Box::new(Memory(Some(Box::new(ours)))) as Box<dyn Carrier>));
        guest.push((lane, Box::new(Memory(Some(Box::new(theirs)))) as Box<dyn Carrier>));
    }
    let (host, _) = Link::new(Side::Host, protocol::GENERATION, host);
    let (guest, incoming) = Link::new(Side::Guest, protocol::GENERATION, guest);
    (host, guest, incoming)
}

fn facts() -> Facts {
    Facts {
        agent_version: "7".to_owned(),
        kernel: "6.12".to_owned(),
        boot_id: [1; 16],
        uptime_ms: 5,
        engine: EngineState::Starting,
        data_disk: None,
        stages: Vec::new(),
    }
}

fn process_facts() -> ProcessFacts {
    ProcessFacts {
        program: "sleep".to_owned(),
        caught: 0,
        blocked: 0,
        ignored: 1 << 12,
        terminal: Some(TerminalFacts {
            signals_on: true,
            foreground: true,
        }),
    }
}

async fn send(stream: &mut Stream, frame: &GuestFrame) {
    stream.write_all(&encode(frame).unwrap()).await.unwrap();
    stream.flush().await.unwrap();
}

/// Answers `Facts`, `Trim` and what is asked about process 7 of container `c`, refuses `GrowDataDisk`, never answers `RestartEngine`, and drops the stream at `Shutdown`.
async fn control(mut stream: Stream) {
    let mut decoder = FrameDecoder::<HostFrame>::default();
    let mut bytes = [0; 1024];
    while let Ok(length @ 1..) = stream.read(&mut bytes).await {
        decoder.push(&bytes[..length]);
        while let Some(HostFrame { id, request }) = decoder.next_message().unwrap() {
            let result = match request {
                Request::Facts => Ok(Reply::Facts(facts())),
                Request::Trim => Ok(Reply::Trimmed { bytes: u64::from(id) }),
                Request::GrowDataDisk => Err(AgentError {
                    code: ErrorCode::NotReady,
                    message: "not mounted".to_owned(),
                }),
                Request::Process { pid: 7, container } if container == "c" => {
                    Ok(Reply::Process(process_facts()))
                }
                Request::EndProcess {
                    pid: 7,
                    container,
                    grace_ms: 1500,
                } if container == "c" => Ok(Reply::Done),
                // An answer to another question.
                Request::Process { .. } | Request::EndProcess { .. } => Ok(Reply::Trimmed { bytes: 0 }),
                Request::Shutdown { .. } => return,
                _ => continue,
            };
            send(&mut stream, &GuestFrame::Event(Event::PoweringOff)).await;
            send(&mut stream, &GuestFrame::Reply { id, result }).await;
        }
    }
}

async fn guest(mut incoming: Incoming) {
    while let Some(Arrival { port, mut stream, .. }) = incoming.next().await {
        match LinkPort(port) {
            LinkPort::CONTROL => drop(tokio::spawn(control(stream))),
            LinkPort::LOGS => {
                let mut decoder = FrameDecoder::<StreamHead>::default();
                let mut bytes = [0; 1024];
                let head = loop {
                    let length = stream.read(&mut bytes).await.unwrap();
                    decoder.push(&bytes[..length]);
                    if let Some(head) = decoder.next_message().unwrap() {
                        break head;
                    }
                };
                stream.write_all(format!("{head:?}").as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            other => panic!("{other}"),
        }
    }
}

async fn connected() -> (
    AgentClient,
    tokio::sync::mpsc::UnboundedReceiver<Event>,
    Link,
    Link,
) {
    let (host, peer, incoming) = links();
    tokio::spawn(guest(incoming));
    host.wait_up(Lane::Control).await;
    host.wait_up(Lane::Data).await;
    let (client, first, events) = AgentClient::connect(&host).await.unwrap();
    assert_eq!(first, facts());
    (client, events, host, peer)
}

#[tokio::test]
async fn calls_at_once_get_their_own_answers_and_events_follow() {
    let (client, mut events, _host, _guest) = connected().await;
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(Request::Trim).await.unwrap() })
        })
        .collect();
    let mut seen = std::collections::HashSet::new();
    for call in calls {
        let Reply::Trimmed { bytes } = call.await.unwrap() else {
            panic!("another reply")
        };
        assert!(seen.insert(bytes));
    }
    assert_eq!(events.recv().await, Some(Event::PoweringOff));
}

#[tokio::test]
async fn refusal_is_told_with_its_reason() {
    let (client, _events, _host, _guest) = connected().await;
    match client.call(Request::GrowDataDisk).await {
        Err(AgentClientError::Refused { source, .. }) => assert_eq!(source.message, "not mounted"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn stream_lost_fails_everything_at_once() {
    let (client, mut events, _host, _guest) = connected().await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.call(Request::RestartEngine).await }
    });
    tokio::task::yield_now().await;
    let limit = Duration::from_secs(20);
    let lost = tokio::time::timeout(limit, client.call(Request::Shutdown { grace_ms: 0 }))
        .await
        .unwrap();
    assert!(matches!(lost, Err(AgentClientError::Lost)));
    assert!(matches!(waiting.await.unwrap(), Err(AgentClientError::Lost)));
    client.closed().await;
    while events.recv().await.is_some() {}
    assert!(matches!(client.facts().await, Err(AgentClientError::Lost)));
}

#[tokio::test]
async fn logs_begin_with_their_head_and_end_cleanly() {
    let (client, _events, _host, _guest) = connected().await;
    let mut stream = client.open_logs(LogSource::Engine, 3, false).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("Engine") && text.contains('3'), "{text}");
}

#[tokio::test]
async fn process_asked_about_is_told() {
    let (client, _events, _host, _guest) = connected().await;
    assert_eq!(client.process(7, "c").await.unwrap(), process_facts());
    let grace = Duration::from_millis(1500);
    client.end_process(7, "c", grace).await.unwrap();
}

#[tokio::test]
async fn process_answer_of_another_kind_is_an_error() {
    let (client, _events, _host, _guest) = connected().await;
    let asked = client.process(8, "c").await.unwrap_err();
    assert!(
        matches!(asked, AgentClientError::Unexpected { request: "process" }),
        "{asked}"
    );
    let ended = client.end_process(8, "c", Duration::MAX).await.unwrap_err();
    assert!(
        matches!(
            ended,
            AgentClientError::Unexpected {
                request: "end process"
            }
        ),
        "{ended}"
    );
}
