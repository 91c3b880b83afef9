//! A container's session on an upgraded connection.

use std::sync::Arc;

use ::machine::MachineState;
use api::{Code, SESSION_UPGRADE, SessionRequest};
use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper_util::rt::TokioIo;
use tracing::debug;

use super::{Server, answer::Failed};
use crate::{
    engine_connect::unreachable,
    failure::{chain, failure, hinted},
    lease::Leases,
};

/// A container's configuration is small, but its environment may not be.
const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;

pub(super) async fn container_session(
    State(server): State<Server>,
    mut request: Request,
) -> Result<Response, Failed> {
    let wanted = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|value| value == SESSION_UPGRADE);
    if !wanted {
        return Err(failure(
            Code::BadRequest,
            format!("the connection must be upgraded to {SESSION_UPGRADE}"),
        )
        .into());
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let body = axum::body::to_bytes(request.into_body(), MAX_REQUEST_BYTES)
        .await
        .map_err(|error| failure(Code::BadRequest, chain(&error)))?;
    let request: SessionRequest = serde_json::from_slice(&body).map_err(|error| {
        failure(
            Code::BadRequest,
            format!("failed to understand the request: {error}"),
        )
    })?;
    refuse_without_engine(&server)?;
    // The folders that it may mount are where the guest says.
    server.shares.settled().await;
    let leases = Leases::new(
        server.supervisor.clone(),
        Arc::new(server.journal.clone()),
        Arc::clone(&server.rewrite),
    );
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => leases.serve(TokioIo::new(upgraded), request).await,
            Err(error) => debug!(%error, "container session not begun"),
        }
    });
    let headers = [
        (header::CONNECTION, "upgrade"),
        (header::UPGRADE, SESSION_UPGRADE),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// A machine that does not run is said so with its code, before anything is asked of it.
fn refuse_without_engine(server: &Server) -> Result<(), Failed> {
    match server.supervisor.snapshot().state {
        MachineState::Stopped => Err(hinted(
            Code::NotRunning,
            "the machine is not running",
            "run `pinnace start`",
        )
        .into()),
        state @ (MachineState::Starting { .. }
        | MachineState::Stopping
        | MachineState::Paused
        | MachineState::Failed { .. }) => Err(failure(Code::NotRunning, unreachable(&state)).into()),
        MachineState::Running | MachineState::Degraded { .. } => Ok(()),
    }
}
