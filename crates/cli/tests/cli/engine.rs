//! An engine whose answers a test writes down beforehand: a real HTTP server on the real kind of socket.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use platform::LocalListener;
use serde_json::{Value, json};
use tokio::{
    runtime::Runtime,
    time::{Sleep, sleep},
};

use crate::home::Home;

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// The connection breaks.
    Broken,
    /// Never.
    Open,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    pieces: Vec<Vec<u8>>,
    end: End,
}

/// What the engine says to what. It knows of nothing else.
#[derive(Clone, Default)]
pub struct Script {
    answers: HashMap<String, Answer>,
    default: Option<Answer>,
}

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a call, as in `GET /containers/json`, with JSON.
    pub fn json(self, call: &str, value: &Value) -> Self {
        self.stream(call, 200, &[value.to_string().as_bytes()], End::Whole)
    }

    /// Answers a call with nothing but a status.
    pub fn status(self, call: &str, status: u16) -> Self {
        self.stream(call, status, &[], End::Whole)
    }

    /// Answers a call with an error.
    pub fn error(self, call: &str, status: u16, message: &str) -> Self {
        let text = json!({ "message": message }).to_string();
        self.stream(call, status, &[text.as_bytes()], End::Whole)
    }

    /// Answers a call piece by piece.
    pub fn stream(mut self, call: &str, status: u16, pieces: &[&[u8]], end: End) -> Self {
        let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
        let answer = Answer { status, pieces, end };
        self.answers.insert(call.to_owned(), answer);
        self
    }

    /// The endpoint of a machine that does not run.
    pub fn stopped() -> Self {
        let text = json!({ "message": "the machine is stopped: run `pinnace start`" });
        Self {
            default: Some(Answer {
                status: 503,
                pieces: vec![text.to_string().into_bytes()],
                end: End::Whole,
            }),
            ..Self::default()
        }
    }
}

/// A running one. Ends with the test's process.
pub struct Engine {
    calls: Arc<Mutex<Vec<Call>>>,
}

/// What was asked.
struct Call {
    line: String,
    registry_auth: Option<String>,
}

impl Engine {
    /// Listens when this returns.
    pub fn start(home: &Home, script: Script) -> Self {
        let address = home.engine_address();
        let runtime = Runtime::new().unwrap();
        let mut listener = {
            let _inside = runtime.enter();
            LocalListener::bind(&address).unwrap()
        };
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let script = Arc::new(script);
        thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    let stream = listener.accept().await.unwrap();
                    let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                    tokio::spawn(async move {
                        let service = service_fn(|request| answer(request, &script, &seen));
                        let connection = hyper::server::conn::http1::Builder::new();
                        let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            })
        });
        Self { calls }
    }

    /// What was asked, as in `POST /containers/web/stop?t=5`, without the version.
    pub fn calls(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|call| call.line.clone()).collect()
    }

    /// What was to be shown to registries, by each call that had something.
    pub fn registry_auths(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter_map(|call| call.registry_auth.clone())
            .collect()
    }
}

async fn answer(
    request: Request<Incoming>,
    script: &Script,
    calls: &Mutex<Vec<Call>>,
) -> Result<Response<StreamBody<Pieces>>, Infallible> {
    let uri = request.uri().to_string();
    let path = uri.strip_prefix("/v1.44").unwrap_or(&uri);
    let asked = format!("{} {path}", request.method());
    let call = asked.split('?').next().unwrap_or_default().to_owned();
    let auth = request.headers().get("x-registry-auth");
    calls.lock().unwrap().push(Call {
        line: asked,
        registry_auth: auth.map(|auth| auth.to_str().unwrap().to_owned()),
    });
    // Read before it is answered, as an engine does.
    let _ = request.into_body().collect().await;
    let name = call.split('/').nth(2).unwrap_or_default();
    let unknown = || Answer {
        status: 404,
        pieces: vec![
            json!({ "message": format!("No such container: {name}") })
                .to_string()
                .into_bytes(),
        ],
        end: End::Whole,
    };
    let known = script.answers.get(&call).or(script.default.as_ref()).cloned();
    let answer = known.unwrap_or_else(unknown);
    let mut response = Response::new(StreamBody::new(Pieces {
        pieces: answer.pieces.into_iter(),
        end: answer.end,
        flushed: Box::pin(sleep(Duration::from_millis(100))),
    }));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
    Ok(response)
}

/// The pieces of an answer and its end.
struct Pieces {
    pieces: std::vec::IntoIter<Vec<u8>>,
    end: End,
    /// A break drops what has not gone out yet.
    flushed: Pin<Box<Sleep>>,
}

impl futures_util::Stream for Pieces {
    type Item = Result<Frame<Bytes>, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match (self.pieces.next(), self.end) {
            (Some(piece), _) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece))))),
            (None, End::Whole) => Poll::Ready(None),
            (None, End::Open) => Poll::Pending,
            (None, End::Broken) => match self.flushed.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(io::Error::other("broken")))),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

/// A frame of a container's output.
pub fn frame(output: u8, text: &str) -> Vec<u8> {
    let mut bytes = vec![output, 0, 0, 0];
    bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}
