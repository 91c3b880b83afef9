//! A host agent whose answers a test writes down beforehand: a real HTTP server on the real kind of socket.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    thread,
};

use api::{
    ApiError, ApiEvent, Boot, EngineInfo, EngineState, HostAgentInfo, MachineInfo, MachineState, Phase,
    Route, SESSION_UPGRADE, SHELL_UPGRADE, SessionRequest, ShellFrame, ShellFrameDecoder, ShellRequest,
    Status, VmImageInfo,
};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    header,
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use platform::{LocalAddress, LocalListener};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    runtime::Runtime,
    sync::mpsc,
};

use crate::container::session;

type Body = BoxBody<Bytes, Infallible>;

/// What the host agent says.
#[derive(Clone)]
pub struct Script {
    pub status: Status,
    /// Sent to everybody who asks for events.
    pub events: Vec<ApiEvent>,
    /// HTTP status and text, by path. `None`: never.
    pub answers: HashMap<&'static str, Option<(u16, String)>>,
}

impl Script {
    pub fn new(status: Status) -> Self {
        Self {
            status,
            events: Vec::new(),
            answers: HashMap::new(),
        }
    }

    pub fn answer(mut self, route: Route, value: &impl serde::Serialize) -> Self {
        self.answers
            .insert(route.path(), Some((200, serde_json::to_string(value).unwrap())));
        self
    }

    pub fn text(mut self, route: Route, text: &str) -> Self {
        self.answers.insert(route.path(), Some((200, text.to_owned())));
        self
    }

    pub fn error(mut self, route: Route, error: &ApiError) -> Self {
        let text = serde_json::to_string(error).unwrap();
        self.answers
            .insert(route.path(), Some((error.code.http_status(), text)));
        self
    }

    pub fn never(mut self, route: Route) -> Self {
        self.answers.insert(route.path(), None);
        self
    }

    pub fn event(mut self, status: Status) -> Self {
        self.events.push(ApiEvent::Status {
            status: Box::new(status),
        });
        self
    }
}

/// A running one. Ends with the test's process, or when told to quit.
pub struct HostAgent {
    calls: Arc<Mutex<Vec<(String, String)>>>,
}

/// Where the frames of container sessions stand among the calls.
const FRAMES: &str = "frames";

impl HostAgent {
    /// Listens when this returns.
    pub fn start(address: &LocalAddress, script: Script) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = {
            let _inside = runtime.enter();
            LocalListener::bind(address).unwrap()
        };
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        thread::spawn(move || runtime.block_on(serve(listener, script, seen)));
        Self { calls }
    }

    /// The bodies that came to a route.
    pub fn bodies(&self, route: Route) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|(path, _)| path == route.path())
            .map(|(_, body)| body.clone())
            .collect()
    }

    /// The frames that came in container sessions, without input.
    pub fn frames(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let frames = calls.iter().filter(|(path, _)| path == FRAMES);
        frames.map(|(_, frame)| frame.clone()).collect()
    }
}

/// Serves until told to quit.
pub async fn serve(mut listener: LocalListener, script: Script, calls: Arc<Mutex<Vec<(String, String)>>>) {
    let script = Arc::new(script);
    let (quit, mut quitting) = mpsc::channel(1);
    loop {
        let stream = tokio::select! {
            stream = listener.accept() => stream.unwrap(),
            _ = quitting.recv() => return,
        };
        let (script, calls, quit) = (Arc::clone(&script), Arc::clone(&calls), quit.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &script, &calls, &quit));
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

async fn answer(
    mut request: Request<Incoming>,
    script: &Script,
    calls: &Arc<Mutex<Vec<(String, String)>>>,
    quit: &mpsc::Sender<()>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = request.body_mut().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    calls
        .lock()
        .unwrap()
        .push((path.clone(), if body.is_empty() { query } else { body.clone() }));
    let plain = |status: u16, text: String| {
        let mut response = Response::new(Full::from(text).boxed());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Ok(response)
    };
    if path == Route::Quit.path() && !script.answers.contains_key(path.as_str()) {
        quit.send(()).await.unwrap();
        return plain(204, String::new());
    }
    match script.answers.get(path.as_str()) {
        Some(Some((status, text))) => return plain(*status, text.clone()),
        Some(None) => std::future::pending().await,
        None => {}
    }
    if path == Route::Events.path() {
        return Ok(Response::new(events(&script.events)));
    }
    if path == Route::ContainerSession.path() {
        let wanted: SessionRequest = serde_json::from_str(&body).unwrap();
        let seen = Arc::clone(calls);
        let see = move |frame: String| seen.lock().unwrap().push((FRAMES.to_owned(), frame));
        tokio::spawn(async move { session(hyper::upgrade::on(request).await.unwrap(), wanted, see).await });
        return Ok(switched(SESSION_UPGRADE));
    }
    if path == Route::Shell.path() {
        let wanted: ShellRequest = serde_json::from_str(&body).unwrap();
        tokio::spawn(async move { shell(hyper::upgrade::on(request).await.unwrap(), wanted).await });
        return Ok(switched(SHELL_UPGRADE));
    }
    plain(200, serde_json::to_string(&script.status).unwrap())
}

fn switched(protocol: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::from("").boxed());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, header::HeaderValue::from_static(protocol));
    response
}

/// All events, and then an open stream.
fn events(events: &[ApiEvent]) -> Body {
    let texts: Vec<String> = events
        .iter()
        .enumerate()
        .map(|(id, event)| format!("id: {id}\ndata: {}\n\n", serde_json::to_string(event).unwrap()))
        .collect();
    let (sender, receiver) = mpsc::unbounded_channel::<String>();
    for text in texts {
        sender.send(text).unwrap();
    }
    let stream = Following {
        receiver,
        _sender: sender,
    };
    StreamBody::new(stream).boxed()
}

/// The stream of an event's frames, kept open by its own sender.
struct Following {
    receiver: mpsc::UnboundedReceiver<String>,
    _sender: mpsc::UnboundedSender<String>,
}

impl futures_util::Stream for Following {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.receiver
            .poll_recv(context)
            .map(|text| text.map(|text| Ok(Frame::data(Bytes::from(text)))))
    }
}

/// A shell that says what was asked for, repeats its input, tells sizes, and ends at the end of input: with 0, or with
/// the code that the command `exit N` has. `exit now N` does not wait for the end of input; `vanish` gives no code.
async fn shell(upgraded: Upgraded, wanted: ShellRequest) {
    let mut stream = TokioIo::new(upgraded);
    let mut decoder = ShellFrameDecoder::default();
    let says = |text: String| ShellFrame::Data(text.into_bytes()).encode();
    stream
        .write_all(&says(format!("tty {:?} argv {:?}\n", wanted.tty, wanted.argv)))
        .await
        .unwrap();
    let argv: Vec<&str> = wanted.argv.iter().map(String::as_str).collect();
    let code = match argv[..] {
        ["vanish"] => return,
        ["exit", "now", code] => {
            stream
                .write_all(&ShellFrame::Exit(code.parse().unwrap()).encode())
                .await
                .unwrap();
            return stream.shutdown().await.unwrap();
        }
        ["exit", code] => code.parse().unwrap(),
        _ => 0,
    };
    let mut bytes = vec![0; 4096];
    loop {
        while let Some(frame) = decoder.next_frame().unwrap() {
            match frame {
                ShellFrame::Data(data) if data == b"\x04" => {
                    stream.write_all(&ShellFrame::Exit(code).encode()).await.unwrap();
                    return;
                }
                ShellFrame::Data(data) => {
                    stream.write_all(&ShellFrame::Data(data).encode()).await.unwrap();
                }
                ShellFrame::Resize { columns, rows } => {
                    stream
                        .write_all(&says(format!("size {columns}x{rows}\n")))
                        .await
                        .unwrap();
                }
                ShellFrame::EndOfInput => {
                    stream
                        .write_all(&says("end of input\n".to_owned()))
                        .await
                        .unwrap();
                    stream.write_all(&ShellFrame::Exit(code).encode()).await.unwrap();
                    return;
                }
                ShellFrame::Exit(_) => unreachable!("only a host agent sends this"),
            }
        }
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(length) => decoder.push(&bytes[..length]),
        }
    }
}

/// A status of a machine that runs.
pub fn running() -> Status {
    let phase = |name: &str, ms| Phase {
        name: name.to_owned(),
        ms,
    };
    let phases = vec![
        phase("checking image", 210),
        phase("launching", 640),
        phase("kernel", 3_100),
        phase("agent connected", 450),
        phase("engine starting", 4_000),
    ];
    Status {
        machine: MachineInfo {
            state: MachineState::Running,
            phase: None,
            reason: None,
            since: "2026-11-24T04:00:12Z".to_owned(),
            driver: "qemu".to_owned(),
            accelerator: Some("tcg".to_owned()),
            accelerator_note: Some("kvm does not run guests on this host: internal error".to_owned()),
            program: Some("qemu 7.2.22".to_owned()),
            pid: Some(4242),
            link: "serial".to_owned(),
            guest_agent: Some("0.0.0".to_owned()),
            cpus: 2,
            memory_mib: 2048,
            boot: Some(Boot {
                total_ms: 8_400,
                phases,
                guest_stages: vec![],
            }),
        },
        engine: EngineInfo {
            state: EngineState::Ready,
            version: Some("28.5.2".to_owned()),
            api_version: Some("1.51".to_owned()),
            reason: None,
            endpoint: "unix:///run/pinnace/docker.sock".to_owned(),
        },
        forwards: vec![],
        shares: vec![],
        image: Some(VmImageInfo {
            version: "2026.11.1".to_owned(),
            arch: "amd64".to_owned(),
            sha256: "00".repeat(32),
            path: "/opt/pinnace/vm-image".to_owned(),
        }),
        host_agent: HostAgentInfo {
            version: "0.0.0".to_owned(),
            pid: 4141,
            warnings: vec![],
        },
    }
}

/// A status of a machine that does not run.
pub fn stopped() -> Status {
    let mut status = running();
    let machine = &mut status.machine;
    machine.state = MachineState::Stopped;
    (machine.boot, machine.pid, machine.guest_agent) = (None, None, None);
    (machine.accelerator, machine.accelerator_note) = (None, None);
    status.engine.state = EngineState::Stopped;
    (status.engine.version, status.engine.api_version) = (None, None);
    status
}

/// A status of a machine that has come as far as `phase`, with the ones before it finished.
pub fn starting(phase: &str, finished: usize) -> Status {
    let mut status = running();
    let machine = &mut status.machine;
    machine.state = MachineState::Starting;
    machine.phase = Some(phase.to_owned());
    if let Some(boot) = &mut machine.boot {
        boot.phases.truncate(finished);
    }
    status.engine.state = EngineState::Stopped;
    status
}
