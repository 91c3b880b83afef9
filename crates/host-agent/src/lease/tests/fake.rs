//! An engine with one image and one container, a guest agent and a journal that a test scripts and looks at afterwards.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use engine_client::{Connect, Io};
use engine_proxy::rewrite::{CreateRewrite, RewriteSettings};
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};

use super::super::{GuestProcesses, LeaseRecord, LeaseRecorder, Leases, guest::Hearing};

pub const ID: &str = "c0ffee";

type Body = BoxBody<Bytes, Infallible>;

/// How the container and its engine behave.
#[derive(Clone, Debug)]
pub struct Script {
    /// Whether the image is there.
    pub image: bool,
    /// What PID 1 exits with on SIGINT; `None`: it goes on.
    pub on_interrupt: Option<i64>,
    /// What it exits with on its stop signal; `None`: it goes on until SIGKILL.
    pub on_stop: Option<i64>,
    /// What the guest says about SIGINT and the stop signal.
    pub hearing: [Hearing; 2],
    /// The start fails, and the engine keeps this exit code.
    pub start_fails: Option<i64>,
    /// How long a start takes.
    pub start_takes: Duration,
    /// What is printed at the start: output (1, 2) and text.
    pub prints: Vec<(u8, &'static str)>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            image: true,
            on_interrupt: None,
            on_stop: Some(143),
            hearing: [Hearing::Maybe; 2],
            start_fails: None,
            start_takes: Duration::ZERO,
            prints: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Created,
    Running,
    Exited(i64),
    Removed(i64),
}

pub struct Fake {
    pub script: Script,
    image: Mutex<bool>,
    /// Calls that change something, in order: `POST create?name=x`, and records of the journal.
    seen: Mutex<Vec<String>>,
    /// The bodies of calls.
    bodies: Mutex<Vec<Value>>,
    pub state: watch::Sender<State>,
    pub command: watch::Sender<State>,
    /// Cuts all attachments.
    pub cut: watch::Sender<u32>,
    auto_remove: Mutex<bool>,
}

impl Fake {
    pub fn new(script: Script) -> Arc<Self> {
        Arc::new(Self {
            image: Mutex::new(script.image),
            script,
            seen: Mutex::default(),
            bodies: Mutex::default(),
            state: watch::channel(State::Created).0,
            command: watch::channel(State::Created).0,
            cut: watch::channel(0).0,
            auto_remove: Mutex::default(),
        })
    }

    pub fn leases(self: &Arc<Self>) -> Leases {
        Leases {
            engine: engine_client::Engine::new(Way(Arc::clone(self))),
            guest: Arc::new(Way(Arc::clone(self))),
            recorder: Arc::new(Way(Arc::clone(self))),
            rewrite: Arc::new(CreateRewrite::new(RewriteSettings::default())),
        }
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub fn body(&self, index: usize) -> Value {
        self.bodies.lock().unwrap()[index].clone()
    }

    pub fn exit(&self, code: i64) {
        let removes = *self.auto_remove.lock().unwrap();
        self.state.send_if_modified(|state| {
            let running = *state == State::Running;
            if running {
                *state = if removes {
                    State::Removed(code)
                } else {
                    State::Exited(code)
                };
            }
            running
        });
    }

    fn see(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().push(what.into());
    }
}

/// The way to a fake, as each of its parts.
struct Way(Arc<Fake>);

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Way")
    }
}

#[async_trait::async_trait]
impl Connect for Way {
    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let fake = Arc::clone(&self.0);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&fake), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
            drop(connection.with_upgrades().await);
        });
        Ok(Box::new(client))
    }
}

#[async_trait::async_trait]
impl GuestProcesses for Way {
    async fn hearing(&self, pid: u32, container: &str, _: [u8; 2]) -> [Hearing; 2] {
        assert_eq!((pid, container), (77, ID));
        self.0.script.hearing
    }

    async fn end(&self, pid: u32, container: &str, _: Duration) -> Result<(), String> {
        self.0.see(format!("end {pid} in {container}"));
        self.0.command.send_replace(State::Exited(129));
        Ok(())
    }
}

impl LeaseRecorder for Way {
    fn record(&self, record: LeaseRecord) {
        let record = serde_json::to_value(record).unwrap();
        self.0
            .see(format!("journal {}", record["kind"].as_str().unwrap()));
    }
}

async fn answer(fake: Arc<Fake>, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let path = uri.path().strip_prefix("/v1.44").unwrap().to_owned();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let body = request.body_mut().collect().await.unwrap().to_bytes();
    let call = path
        .replace(&format!("/containers/{ID}/"), "")
        .replace("/containers/", "");
    let looks = method == "GET" || call == "attach" || call == "wait" || call == "resize";
    if !looks {
        fake.see(format!("{method} {call}{query}"));
        fake.bodies
            .lock()
            .unwrap()
            .push(serde_json::from_slice(&body).unwrap_or_default());
    }
    let ok = |value: Value| Ok(respond(200, value));
    match (method.as_str(), call.as_str()) {
        ("GET", "/images/x/json") if *fake.image.lock().unwrap() => {
            ok(json!({"Id": "sha256:1", "Config": {"Cmd": ["sleep"]}}))
        }
        ("GET", "/images/x/json") => Ok(respond(404, json!({"message": "no such image: x"}))),
        ("POST", "/images/create") => {
            *fake.image.lock().unwrap() = true;
            let steps = "{\"status\":\"Pulling fs layer\",\"id\":\"a\"}\n{\"status\":\"Pull complete\",\"id\":\"a\"}\n";
            Ok(Response::new(Full::from(steps).boxed()))
        }
        ("POST", "create") if !*fake.image.lock().unwrap() => {
            Ok(respond(404, json!({"message": "no such image: x"})))
        }
        ("POST", "create") => {
            let config: Value = serde_json::from_slice(&body).unwrap();
            *fake.auto_remove.lock().unwrap() = config["HostConfig"]["AutoRemove"] == json!(true);
            Ok(respond(201, json!({"Id": ID, "Warnings": []})))
        }
        ("GET", "json") => match *fake.state.borrow() {
            State::Removed(_) => Ok(respond(404, json!({"message": "no such container"}))),
            state => {
                let running = state == State::Running;
                let code = match state {
                    State::Exited(code) => code,
                    _ => fake.script.start_fails.unwrap_or(0),
                };
                ok(json!({
                    "Id": ID, "Name": "/brave_boat", "Config": {"OpenStdin": true},
                    "State": {"Running": running, "Pid": if running { 77 } else { 0 }, "ExitCode": code},
                }))
            }
        },
        ("POST", "attach") => {
            upgrade(&fake, request, fake.state.subscribe());
            Ok(switch())
        }
        ("POST", "wait") => Ok(waiting(fake.state.subscribe())),
        ("POST", "start") => {
            tokio::time::sleep(fake.script.start_takes).await;
            if let Some(code) = fake.script.start_fails {
                if *fake.auto_remove.lock().unwrap() {
                    fake.state.send_replace(State::Removed(code));
                }
                return Ok(respond(400, json!({"message": "failed to create task"})));
            }
            fake.state.send_replace(State::Running);
            Ok(respond(204, Value::Null))
        }
        ("POST", "kill") => {
            let code = match query.as_str() {
                "?signal=INT" => fake.script.on_interrupt,
                "" => Some(137),
                _ => None,
            };
            if let Some(code) = code {
                fake.exit(code);
            }
            Ok(respond(204, Value::Null))
        }
        ("POST", "stop") => {
            let limit = query
                .strip_prefix("?t=")
                .map_or(10, |limit| limit.parse().unwrap());
            match fake.script.on_stop {
                Some(code) => fake.exit(code),
                None => {
                    tokio::time::sleep(Duration::from_secs(limit)).await;
                    fake.exit(137);
                }
            }
            Ok(respond(204, Value::Null))
        }
        ("POST", "exec") => Ok(respond(201, json!({"Id": "e1"}))),
        ("GET", "/exec/e1/json") => {
            let state = *fake.command.borrow();
            let code = match state {
                State::Exited(code) => json!(code),
                _ => Value::Null,
            };
            ok(json!({"Running": state == State::Running, "ExitCode": code, "Pid": 88, "ContainerID": ID}))
        }
        ("POST", "/exec/e1/start") => {
            fake.command.send_replace(State::Running);
            upgrade(&fake, request, fake.command.subscribe());
            Ok(switch())
        }
        ("DELETE", _) | ("POST", "resize") => Ok(respond(204, Value::Null)),
        other => panic!("unexpected call {other:?}"),
    }
}

fn respond(status: u16, value: Value) -> Response<Body> {
    let text = if value.is_null() {
        String::new()
    } else {
        value.to_string()
    };
    let mut response = Response::new(Full::from(text).boxed());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn switch() -> Response<Body> {
    let mut response = respond(101, Value::Null);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, header::HeaderValue::from_static("tcp"));
    response
}

/// The head at once, the result when it has ended.
fn waiting(mut state: watch::Receiver<State>) -> Response<Body> {
    let result = async move {
        let ended = |state: &State| matches!(state, State::Exited(_) | State::Removed(_));
        let code = match *state.wait_for(ended).await.unwrap() {
            State::Exited(code) | State::Removed(code) => code,
            _ => unreachable!(),
        };
        let text = format!("{}\n", json!({ "StatusCode": code }));
        Ok(Frame::data(Bytes::from(text)))
    };
    Response::new(BodyExt::boxed(StreamBody::new(Box::pin(stream::once(
        SyncFuture(Box::pin(result)),
    )))))
}

/// A future that is only ever polled by one thread at a time, as the boxed body demands.
struct SyncFuture<T>(std::pin::Pin<Box<dyn Future<Output = T> + Send + Sync>>);

impl<T> Future for SyncFuture<T> {
    type Output = T;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<T> {
        self.0.as_mut().poll(context)
    }
}

fn upgrade(fake: &Arc<Fake>, request: Request<Incoming>, state: watch::Receiver<State>) {
    let (prints, cut) = (fake.script.prints.clone(), fake.cut.subscribe());
    tokio::spawn(async move {
        let stream = hyper::upgrade::on(request).await.unwrap();
        attached(TokioIo::new(stream), prints, state, cut).await;
    });
}

/// Prints when it runs, repeats its input on standard output, and ends with the container, or when it is cut.
async fn attached(
    mut stream: TokioIo<Upgraded>,
    prints: Vec<(u8, &'static str)>,
    mut state: watch::Receiver<State>,
    mut cut: watch::Receiver<u32>,
) {
    let mut ended = state.clone();
    state.wait_for(|state| *state != State::Created).await.unwrap();
    for (output, text) in prints {
        stream.write_all(&frame(output, text.as_bytes())).await.unwrap();
    }
    let mut bytes = vec![0; 4096];
    let mut open = true;
    loop {
        tokio::select! {
            read = stream.read(&mut bytes), if open => match read {
                Ok(0) | Err(_) => open = false,
                Ok(length) => {
                    if stream.write_all(&frame(1, &bytes[..length])).await.is_err() {
                        return;
                    }
                }
            },
            () = has_ended(&mut ended) => break,
            _ = cut.changed() => break,
        }
    }
    drop(stream.shutdown().await);
}

async fn has_ended(state: &mut watch::Receiver<State>) {
    let ended = |state: &State| matches!(state, State::Exited(_) | State::Removed(_));
    drop(state.wait_for(ended).await);
}

fn frame(output: u8, text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![output, 0, 0, 0];
    bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(text);
    bytes
}
