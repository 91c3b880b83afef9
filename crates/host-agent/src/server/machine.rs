//! The machine's routes.

use std::{future::Future, time::Duration};

use api::{ApiError, Code, ResetPlan, ResetRequest, StartRequest, Status, StopRequest};
use axum::{Json, extract::State};
use hyper::body::Bytes;

use super::{
    Server,
    answer::{Failed, read},
};
use crate::failure::hinted;

type Answer = Result<Json<Status>, Failed>;

pub(super) async fn start(State(server): State<Server>, body: Bytes) -> Answer {
    let request: StartRequest = read(&body)?;
    if request.wait {
        within(request.timeout_ms, server.supervisor.start()).await?;
    } else {
        server.supervisor.begin_start().await?;
    }
    Ok(Json(server.status()))
}

pub(super) async fn restart(State(server): State<Server>, body: Bytes) -> Answer {
    let request: StartRequest = read(&body)?;
    if request.wait {
        within(request.timeout_ms, server.supervisor.restart()).await?;
    } else {
        server.supervisor.begin_restart().await?;
    }
    Ok(Json(server.status()))
}

pub(super) async fn stop(State(server): State<Server>, body: Bytes) -> Answer {
    let request: StopRequest = read(&body)?;
    server.supervisor.stop(request.force, request.grace_ms).await?;
    Ok(Json(server.status()))
}

pub(super) async fn pause(State(server): State<Server>) -> Answer {
    server.supervisor.pause().await?;
    Ok(Json(server.status()))
}

pub(super) async fn resume(State(server): State<Server>) -> Answer {
    server.supervisor.resume().await?;
    Ok(Json(server.status()))
}

pub(super) async fn reset(State(server): State<Server>, body: Bytes) -> Result<Json<ResetPlan>, Failed> {
    let request: ResetRequest = read(&body)?;
    Ok(Json(server.supervisor.reset(request).await?))
}

/// Waits at most `limit_ms`; what was asked for goes on.
async fn within(
    limit_ms: Option<u64>,
    outcome: impl Future<Output = Result<(), ApiError>>,
) -> Result<(), ApiError> {
    match limit_ms {
        None => outcome.await,
        Some(ms) => tokio::time::timeout(Duration::from_millis(ms), outcome)
            .await
            .unwrap_or_else(|_| {
                Err(hinted(
                    Code::Timeout,
                    format!("the machine was not ready after {ms} ms; the start goes on"),
                    "see `pinnace status`",
                ))
            }),
    }
}
