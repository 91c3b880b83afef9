//! Ports of containers on the host.

use api::{AddForward, Code, Forward, MoveForward, RemoveForward};
use axum::{Json, extract::State};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;

use super::{Server, answer::Failed};
use crate::failure::failure;

type Answer = Result<Json<Vec<Forward>>, Failed>;

pub(super) async fn forwards(State(server): State<Server>) -> Json<Vec<Forward>> {
    Json(server.forwards.list())
}

pub(super) async fn add(State(server): State<Server>, body: Bytes) -> Answer {
    let request: AddForward = read_whole(&body)?;
    Ok(Json(server.forwards.add(request).await?))
}

pub(super) async fn move_to(State(server): State<Server>, body: Bytes) -> Answer {
    let request: MoveForward = read_whole(&body)?;
    Ok(Json(server.forwards.move_to(request).await?))
}

pub(super) async fn remove(State(server): State<Server>, body: Bytes) -> Answer {
    let request: RemoveForward = read_whole(&body)?;
    Ok(Json(server.forwards.remove(request).await?))
}

/// Reads a body that has no default.
fn read_whole<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failed> {
    let understood = serde_json::from_slice(body);
    understood.map_err(|error| {
        let message = format!("failed to understand the request: {error}");
        failure(Code::BadRequest, message).into()
    })
}
