//! Folders of the host in the machine.

use api::{AddShare, RemoveShare, Share};
use axum::{Json, extract::State};
use hyper::body::Bytes;

use super::{
    Server,
    answer::{Failed, read_whole},
};

type Answer = Result<Json<Share>, Failed>;

pub(super) async fn shares(State(server): State<Server>) -> Json<Vec<Share>> {
    Json(server.shares.list())
}

pub(super) async fn add(State(server): State<Server>, body: Bytes) -> Answer {
    let request: AddShare = read_whole(&body)?;
    Ok(Json(server.shares.add(request).await?))
}

pub(super) async fn remove(State(server): State<Server>, body: Bytes) -> Answer {
    let request: RemoveShare = read_whole(&body)?;
    Ok(Json(server.shares.remove(request).await?))
}
