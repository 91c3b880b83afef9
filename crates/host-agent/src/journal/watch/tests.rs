//! The watcher and an engine whose answers a test writes down.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use engine_client::{Connect, Io};
use futures_util::StreamExt as _;
use http_body_util::StreamBody;
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;
use crate::{
    journal::By,
    supervisor::{Provision as _, absent::Absent},
};

/// Answers by path. Past events are those asked for with `until`; live ones are sent by the test.
#[derive(Clone, Debug, Default)]
struct Script(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    answers: HashMap<String, Value>,
    past: Vec<Value>,
    live: Option<mpsc::UnboundedSender<Value>>,
    queries: Vec<String>,
}

#[async_trait::async_trait]
impl Connect for Script {
    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let script = self.clone();
        let service = service_fn(move |request| {
            let script = script.clone();
            async move { Ok::<_, Infallible>(script.answer(&request)) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service),
        );
        Ok(Box::new(ours))
    }
}

type Lines = StreamBody<futures_util::stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

impl Script {
    fn answer(&self, request: &Request<Incoming>) -> Response<Lines> {
        let mut inner = self.0.lock().unwrap();
        let path = request.uri().path().split_once("/v1.44").unwrap().1;
        let query = request.uri().query().unwrap_or_default();
        let line = |value: Value| Ok(Frame::data(Bytes::from(format!("{value}\n"))));
        let (status, body) = if path == "/events" {
            inner.queries.push(query.to_owned());
            if query.contains("until=") {
                (
                    200,
                    futures_util::stream::iter(inner.past.clone()).map(line).boxed(),
                )
            } else {
                let (live, received) = mpsc::unbounded_channel();
                inner.live = Some(live);
                (200, UnboundedReceiverStream::new(received).map(line).boxed())
            }
        } else {
            let (status, value) = match inner.answers.get(path) {
                Some(value) => (200, value.clone()),
                None => (404, json!({ "message": "no such container" })),
            };
            (status, futures_util::stream::iter([value]).map(line).boxed())
        };
        Response::builder()
            .status(status)
            .body(StreamBody::new(body))
            .unwrap()
    }

    fn set(&self, path: &str, value: Value) {
        self.0.lock().unwrap().answers.insert(path.to_owned(), value);
    }

    /// Sends an event as soon as somebody listens.
    async fn send(&self, event: Value) {
        loop {
            let live = self.0.lock().unwrap().live.clone();
            if let Some(live) = live
                && live.send(event.clone()).is_ok()
            {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Breaks the stream of events.
    fn hang_up(&self) {
        self.0.lock().unwrap().live = None;
    }
}

fn event(second: i64, action: &str, attributes: Value) -> Value {
    let mut attributes = attributes;
    attributes["name"] = json!("web");
    json!({
        "Type": "container", "Action": action, "time": second, "timeNano": second * 1_000_000_000,
        "Actor": { "ID": "c1", "Attributes": attributes },
    })
}

fn snapshot() -> Snapshot {
    let [version, api_version] = ["28", "1.48"].map(str::to_owned);
    Snapshot {
        state: MachineState::Running,
        since: SystemTime::UNIX_EPOCH,
        settings: Absent.settings(),
        verdict: None,
        pid: None,
        boot: None,
        engine: EngineState::Ready { version, api_version },
        guest_agent: Some("1".to_owned()),
        image: None,
        console_log: None,
    }
}

struct Watched {
    journal: Journal,
    _snapshots: watch::Sender<Snapshot>,
    _folder: tempfile::TempDir,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

impl Watched {
    fn begin(script: Script, earlier: &[Entry]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path());
        for entry in earlier {
            journal.record(entry.clone());
        }
        let (snapshots, published) = watch::channel(snapshot());
        let task = tokio::spawn(watch_snapshots(published, Engine::new(script), journal.clone()));
        Self {
            journal,
            _snapshots: snapshots,
            _folder: folder,
            _task: tokio_util::task::AbortOnDropHandle::new(task),
        }
    }

    /// What is kept of the container when there are that many entries.
    async fn kept(&self, count: usize) -> Vec<(i64, What)> {
        let kept = async {
            loop {
                let entries = self.journal.entries().await;
                let its: Vec<_> = entries
                    .into_iter()
                    .filter(|entry| entry.container == "c1")
                    .map(|entry| (entry.at_ms / 1_000, entry.what))
                    .collect();
                if its.len() >= count {
                    return its;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), kept)
            .await
            .expect("entries come")
    }
}

fn listed(state: &str) -> Value {
    json!([{ "Id": "c1", "Names": ["/web"], "Image": "busybox", "State": state }])
}

fn details(state: Value) -> Value {
    json!({
        "Id": "c1", "Name": "/web", "State": state,
        "Config": { "Image": "busybox" }, "HostConfig": { "Memory": 536_870_912 },
    })
}

#[tokio::test]
async fn events_are_kept_with_what_only_earlier_ones_know() {
    let script = Script::default();
    script.set("/containers/json", json!([]));
    script.set("/containers/c1/json", details(json!({ "Running": true })));
    let watched = Watched::begin(script.clone(), &[]);
    script.send(event(100, "start", json!({}))).await;
    script
        .send(event(101, "exec_die", json!({ "exitCode": "0" })))
        .await;
    script.send(event(102, "oom", json!({}))).await;
    script.send(event(103, "die", json!({ "exitCode": "137" }))).await;
    script.send(event(104, "destroy", json!({}))).await;
    let limit_bytes = 536_870_912;
    assert_eq!(
        watched.kept(4).await,
        [
            (100, What::Started),
            (102, What::OutOfMemory { limit_bytes }),
            (103, What::Exited { code: 137, oom: true }),
            (104, What::Removed),
        ]
    );
}

#[tokio::test]
async fn lost_stream_goes_on_where_it_was_and_keeps_nothing_twice() {
    let script = Script::default();
    script.set("/containers/json", json!([]));
    script.set("/containers/c1/json", details(json!({ "Running": true })));
    let watched = Watched::begin(script.clone(), &[]);
    script.send(event(100, "start", json!({}))).await;
    watched.kept(1).await;
    script.set("/containers/json", listed("running"));
    script.0.lock().unwrap().past = vec![
        event(100, "start", json!({})),
        event(101, "kill", json!({ "signal": "15" })),
        event(102, "die", json!({ "exitCode": "143" })),
        event(103, "start", json!({})),
    ];
    script.hang_up();
    script.send(event(103, "start", json!({}))).await;
    script.send(event(104, "die", json!({ "exitCode": "3" }))).await;
    let signal = What::Signal {
        signal: 15,
        by: By::Caller,
    };
    assert_eq!(
        watched.kept(5).await,
        [
            (100, What::Started),
            (101, signal),
            (
                102,
                What::Exited {
                    code: 143,
                    oom: false
                }
            ),
            (103, What::Started),
            (104, What::Exited { code: 3, oom: false }),
        ]
        .into_iter()
        .collect::<Vec<_>>()
        .as_slice()
    );
    let queries = script.0.lock().unwrap().queries.clone();
    assert!(queries[1].starts_with("since=99.000000000&until="), "{queries:?}");
    assert!(
        queries[2].starts_with("since=102.000000000&filters="),
        "{queries:?}"
    );
}

#[tokio::test]
async fn what_nobody_told_is_found_by_looking() {
    let script = Script::default();
    script.set("/containers/json", listed("exited"));
    let ended = json!({
        "Running": false, "ExitCode": 255, "FinishedAt": "1970-01-01T00:05:00.5Z", "StartedAt": "1970-01-01T00:01:00Z",
    });
    script.set("/containers/c1/json", details(ended));
    let started = crate::journal::tests::entry(60_000, "c1", What::Started);
    let watched = Watched::begin(script.clone(), &[started]);
    let exited = What::Exited {
        code: 255,
        oom: false,
    };
    assert_eq!(watched.kept(2).await, [(60, What::Started), (300, exited)]);
    // The same event, late, is no second exit; the next start is one.
    script.send(event(300, "die", json!({ "exitCode": "255" }))).await;
    script.send(event(400, "start", json!({}))).await;
    assert_eq!(watched.kept(3).await[2], (400, What::Started));
}

#[tokio::test]
async fn container_that_is_gone_is_removed() {
    let script = Script::default();
    script.set("/containers/json", json!([]));
    let started = crate::journal::tests::entry(60_000, "c1", What::Started);
    let watched = Watched::begin(script, &[started]);
    assert_eq!(watched.kept(2).await[1].1, What::Removed);
}

#[test]
fn known_events_are_forgotten_after_many() {
    let mut known = Known::default();
    let numbered = |number: i64| EngineEvent {
        time_nano: number,
        ..EngineEvent::default()
    };
    for number in 1..=10_000 {
        assert!(known.is_new(&numbered(number)));
    }
    assert!(!known.is_new(&numbered(9_000)));
    assert_eq!(known.order.len(), KNOWN);
    assert_eq!(known.keys.len(), KNOWN);
    assert_eq!(known.since().as_deref(), Some("0.000000000"));
}
