//! One call: its connection, its answer.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, client::conn::http1, header, upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{API_VERSION, Connect, EngineError, JsonLines, driven::Driven};

/// The most bytes of an answer that is read whole.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// The most bytes of an error's body.
const MAX_ERROR_BYTES: usize = 64 * 1024;

type Body = BoxBody<Bytes, io::Error>;

/// Calls one engine. Cheap to clone; holds no connection.
#[derive(Clone, Debug)]
pub struct Engine {
    connect: Arc<dyn Connect>,
}

impl Engine {
    /// Calls the engine that `connect` reaches.
    pub fn new(connect: impl Connect) -> Self {
        Self {
            connect: Arc::new(connect),
        }
    }

    /// Asks and reads the whole answer as JSON. `path` is without the version, as `/containers/json?all=1`.
    pub async fn json<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<A, EngineError> {
        let call = name(&method, path);
        let body = whole(&call, self.send(method, path, json_body(body), Vec::new()).await?).await?;
        serde_json::from_slice(&body).map_err(|source| EngineError::Answer { call, source })
    }

    /// Asks for something that has no answer but success. Returns the HTTP status: 304 says that it was so already.
    pub async fn act(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<u16, EngineError> {
        let call = name(&method, path);
        let answer = self.send(method, path, json_body(body), Vec::new()).await?;
        let status = answer.response.status().as_u16();
        whole(&call, answer).await?;
        Ok(status)
    }

    /// Asks and reads the answer as it comes.
    pub async fn bytes(
        &self,
        method: Method,
        path: &str,
        headers: Vec<(&'static str, String)>,
    ) -> Result<ByteStream, EngineError> {
        let call = name(&method, path);
        let answer = self.send(method, path, json_body(None::<&()>), headers).await?;
        Ok(ByteStream {
            call,
            body: answer.response.into_body(),
            connection: answer.connection,
        })
    }

    /// Asks for a stream of JSON objects.
    pub async fn lines<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        headers: Vec<(&'static str, String)>,
    ) -> Result<JsonLines<T>, EngineError> {
        self.bytes(method, path, headers).await.map(JsonLines::new)
    }

    /// Asks for a raw stream in both directions.
    pub async fn hijack(&self, path: &str, body: Option<&impl Serialize>) -> Result<Hijacked, EngineError> {
        let call = name(&Method::POST, path);
        let headers = vec![
            ("connection", "Upgrade".to_owned()),
            ("upgrade", "tcp".to_owned()),
        ];
        let answer = self.send(Method::POST, path, json_body(body), headers).await?;
        if answer.response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(EngineError::Refused {
                status: answer.response.status().as_u16(),
                message: format!("the engine did not open a stream for {call}"),
            });
        }
        let Answer {
            response,
            mut connection,
        } = answer;
        let upgraded = connection
            .until(hyper::upgrade::on(response))
            .await
            .map_err(|source| EngineError::Http { call, source })?;
        // The connection is done: what is left of it is the stream.
        Ok(Hijacked {
            stream: TokioIo::new(upgraded),
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        headers: Vec<(&'static str, String)>,
    ) -> Result<Answer, EngineError> {
        let call = name(&method, path);
        let http = |source| EngineError::Http {
            call: call.clone(),
            source,
        };
        let stream = self.connect.connect().await.map_err(EngineError::Connect)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
        let mut connection = Driven::new(async move {
            // What breaks here is seen by the call too.
            let _ = connection.with_upgrades().await;
        });
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/{API_VERSION}{path}"))
            .header(header::HOST, "docker")
            .header(header::USER_AGENT, concat!("pinnace/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body: Body = match body {
            Some(bytes) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Full::new(bytes).map_err(|never| match never {}).boxed()
            }
            None => Full::new(Bytes::new()).map_err(|never| match never {}).boxed(),
        };
        let request = request
            .body(body)
            .map_err(|error| EngineError::Connect(io::Error::other(error)))?;
        let response = connection
            .until(sender.send_request(request))
            .await
            .map_err(http)?;
        if response.status().as_u16() < 400 {
            Ok(Answer { response, connection })
        } else {
            Err(connection.until(refusal(response)).await)
        }
    }
}

struct Answer {
    response: Response<Incoming>,
    connection: Driven,
}

/// An answer as it comes. Dropping it ends the call.
#[derive(Debug)]
pub struct ByteStream {
    call: String,
    body: Incoming,
    connection: Driven,
}

impl ByteStream {
    /// Waits for the next bytes. `None` at the end. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<Bytes>, EngineError> {
        loop {
            match self.connection.until(self.body.frame()).await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data()
                        && !bytes.is_empty()
                    {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(source)) => {
                    return Err(EngineError::Http {
                        call: self.call.clone(),
                        source,
                    });
                }
            }
        }
    }

    /// What was asked.
    pub(crate) fn call(&self) -> &str {
        &self.call
    }
}

/// A raw stream in both directions; what the engine sent along with its answer comes first. `poll_shutdown` ends our
/// direction only. Dropping it closes both.
#[derive(Debug)]
pub struct Hijacked {
    stream: TokioIo<Upgraded>,
}

impl AsyncRead for Hijacked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Hijacked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn json_body(body: Option<&impl Serialize>) -> Option<Bytes> {
    // Our own types always serialise.
    body.and_then(|body| serde_json::to_vec(body).ok())
        .map(Bytes::from)
}

/// The call as errors name it: without the query, which may hold anything.
fn name(method: &Method, path: &str) -> String {
    format!("{method} {}", path.split('?').next().unwrap_or(path))
}

async fn whole(call: &str, answer: Answer) -> Result<Vec<u8>, EngineError> {
    let mut stream = ByteStream {
        call: call.to_owned(),
        body: answer.response.into_body(),
        connection: answer.connection,
    };
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await? {
        if bytes.len() + piece.len() > MAX_ANSWER_BYTES {
            return Err(EngineError::TooLong {
                call: call.to_owned(),
                limit: MAX_ANSWER_BYTES,
            });
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The engine's own words, from `{"message": "…"}` or plain text.
async fn refusal(response: Response<Incoming>) -> EngineError {
    #[derive(serde::Deserialize)]
    struct Message {
        message: String,
    }

    let status = response.status();
    let body = http_body_util::Limited::new(response.into_body(), MAX_ERROR_BYTES)
        .collect()
        .await;
    let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let message = serde_json::from_slice::<Message>(&bytes)
        .map(|message| message.message)
        .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).trim().to_owned());
    let message = if message.is_empty() {
        format!("the engine answered with status {status}")
    } else {
        message
    };
    EngineError::Refused {
        status: status.as_u16(),
        message,
    }
}
