//! Ports of containers on the host.

use api::{AddForward, Forward, MoveForward, RemoveForward};
use axum::{Json, extract::State};
use hyper::body::Bytes;

use super::{
    Server,
    answer::{Failed, read_whole},
};

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
