//! Logs as text.

use api::{Code, LogQuery, LogSource};
use axum::{
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::header,
    response::{IntoResponse, Response},
};
use tokio_util::io::ReaderStream;

use super::{Server, answer::Failed, log_tail};
use crate::failure::{chain, failure, hinted};

/// The most lines to begin with.
const MAX_TAIL: u32 = 100_000;

pub(super) async fn logs(
    State(server): State<Server>,
    query: Result<Query<LogQuery>, QueryRejection>,
) -> Result<Response, Failed> {
    let Query(LogQuery { source, tail, follow }) =
        query.map_err(|error| failure(Code::BadRequest, error.body_text()))?;
    let tail = tail.min(MAX_TAIL);
    let body = match source {
        LogSource::HostAgent => log_tail::body(server.log.to_path_buf(), tail, follow),
        LogSource::Console => {
            let path = server
                .supervisor
                .snapshot()
                .console_log
                .unwrap_or_else(|| server.console_log.to_path_buf());
            log_tail::body(path, tail, follow)
        }
        LogSource::GuestAgent => guest(&server, protocol::LogSource::Agent, tail, follow).await?,
        LogSource::Engine => guest(&server, protocol::LogSource::Engine, tail, follow).await?,
        LogSource::Containerd => guest(&server, protocol::LogSource::Containerd, tail, follow).await?,
        LogSource::Kernel => guest(&server, protocol::LogSource::Kernel, tail, follow).await?,
    };
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

async fn guest(
    server: &Server,
    source: protocol::LogSource,
    tail: u32,
    follow: bool,
) -> Result<Body, Failed> {
    let agent = server.supervisor.agent().ok_or_else(|| {
        hinted(
            Code::NotRunning,
            "the guest agent is not connected",
            "run `pinnace start`, or see `pinnace logs console`",
        )
    })?;
    let stream = agent
        .open_logs(source, tail, follow)
        .await
        .map_err(|error| failure(Code::Internal, chain(&error)))?;
    Ok(Body::from_stream(ReaderStream::new(stream)))
}
