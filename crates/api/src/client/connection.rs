//! One HTTP call on a connection of its own.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, body::Incoming, header};
use hyper_util::rt::TokioIo;
use platform::{LocalAddress, LocalStream};
use serde::{Serialize, de::DeserializeOwned};

use super::ClientError;
use crate::{ApiError, Code, Route};

/// The most bytes of a JSON answer.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Connects to the host agent's socket.
pub(super) async fn open(address: &LocalAddress) -> Result<LocalStream, ClientError> {
    LocalStream::connect(address)
        .await
        .map_err(|source| ClientError::Connect {
            address: address.to_string(),
            source,
        })
}

/// Sends one request and returns the answer's head; an answer that is an error becomes [`ClientError::Api`].
pub(super) async fn call<B: Serialize>(
    address: &LocalAddress,
    route: Route,
    query: &str,
    body: Option<&B>,
    headers: &[(header::HeaderName, String)],
) -> Result<Response<Incoming>, ClientError> {
    let stream = open(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(ClientError::Http)?;
    // The connection lives as long as somebody reads the answer; its errors surface there.
    tokio::spawn(connection.with_upgrades());
    let response = sender
        .send_request(request(route, query, body, headers)?)
        .await
        .map_err(ClientError::Http)?;
    if response.status().is_success() || response.status().is_informational() {
        return Ok(response);
    }
    Err(read_error(route, response).await)
}

/// Reads a JSON answer.
pub(super) async fn read_json<A: DeserializeOwned>(
    route: Route,
    response: Response<Incoming>,
) -> Result<A, ClientError> {
    let status = response.status().as_u16();
    let bytes = read_body(response).await.map_err(|error| {
        body_error(
            error,
            ClientError::Unexpected {
                path: route.path(),
                status,
            },
        )
    })?;
    serde_json::from_slice(&bytes).map_err(|source| ClientError::Answer {
        path: route.path(),
        source,
    })
}

fn request<B: Serialize>(
    route: Route,
    query: &str,
    body: Option<&B>,
    headers: &[(header::HeaderName, String)],
) -> Result<Request<Full<Bytes>>, ClientError> {
    let answer = |source| ClientError::Answer {
        path: route.path(),
        source,
    };
    let bytes = body
        .map(serde_json::to_vec)
        .transpose()
        .map_err(answer)?
        .unwrap_or_default();
    let mut request = Request::new(Full::new(Bytes::from(bytes)));
    *request.method_mut() = route.method();
    let uri = if query.is_empty() {
        route.path().to_owned()
    } else {
        format!("{}?{query}", route.path())
    };
    *request.uri_mut() = uri
        .parse()
        .unwrap_or_else(|_| hyper::Uri::from_static(route.path()));
    let map = request.headers_mut();
    map.insert(header::HOST, header::HeaderValue::from_static("pinnace"));
    if body.is_some() {
        map.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
    }
    for (name, value) in headers {
        if let Ok(value) = header::HeaderValue::from_str(value) {
            map.insert(name, value);
        }
    }
    Ok(request)
}

async fn read_body(response: Response<Incoming>) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await?
        .to_bytes())
}

fn body_error(error: Box<dyn std::error::Error + Send + Sync>, otherwise: ClientError) -> ClientError {
    match error.downcast::<hyper::Error>() {
        Ok(error) => ClientError::Http(*error),
        Err(_) => otherwise,
    }
}

async fn read_error(route: Route, response: Response<Incoming>) -> ClientError {
    let status = response.status();
    match read_body(response).await {
        Ok(bytes) => ClientError::Api(serde_json::from_slice(&bytes).unwrap_or_else(|_| ApiError {
            // A server of another version: keep what it said.
            code: Code::Internal,
            message: format!(
                "{}: {status}: {}",
                route.path(),
                String::from_utf8_lossy(&bytes).trim()
            ),
            hint: None,
        })),
        Err(error) => body_error(
            error,
            ClientError::Unexpected {
                path: route.path(),
                status: status.as_u16(),
            },
        ),
    }
}
