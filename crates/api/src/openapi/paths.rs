//! The contract of each route, for the OpenAPI document. The functions are never called: their attributes are what
//! counts.
#![expect(dead_code, reason = "only the attributes are used")]

use crate::{
    AddForward, AddShare, ApiError, Forward, LogQuery, MoveForward, RemoveForward, RemoveShare, ResetPlan,
    ResetRequest, SessionRequest, Share, ShellRequest, SignalReport, StartRequest, Status, StopRequest,
    WhyAnswer, WhyQuery,
};

/// Everything at a glance.
#[utoipa::path(get, path = "/v1/status", responses((status = 200, body = Status)))]
pub(super) fn status() {}

/// Server-sent events: `data` is an `ApiEvent`. `Last-Event-ID` resumes; the first event after a gap, and the first of
/// a new stream, has the SSE event name `resync` and carries the whole status.
#[utoipa::path(
    get, path = "/v1/events",
    params(("Last-Event-ID" = Option<u64>, Header, description = "the last event that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream"))
)]
pub(super) fn events() {}

/// Starts the machine. Idempotent.
#[utoipa::path(
    post, path = "/v1/machine/start", request_body = StartRequest,
    responses((status = 200, body = Status), (status = "default", body = ApiError))
)]
pub(super) fn start() {}

/// Stops the machine and answers when it is stopped. Idempotent.
#[utoipa::path(
    post, path = "/v1/machine/stop", request_body = StopRequest,
    responses((status = 200, body = Status), (status = "default", body = ApiError))
)]
pub(super) fn stop() {}

/// Stops the machine if it runs, and starts it.
#[utoipa::path(
    post, path = "/v1/machine/restart", request_body = StartRequest,
    responses((status = 200, body = Status), (status = "default", body = ApiError))
)]
pub(super) fn restart() {}

/// Stops the machine's CPUs. Idempotent.
#[utoipa::path(
    post, path = "/v1/machine/pause",
    responses((status = 200, body = Status), (status = "default", body = ApiError))
)]
pub(super) fn pause() {}

/// Lets the machine's CPUs go on. Idempotent.
#[utoipa::path(
    post, path = "/v1/machine/resume",
    responses((status = 200, body = Status), (status = "default", body = ApiError))
)]
pub(super) fn resume() {}

/// A log's text, chunked while it is followed.
#[utoipa::path(
    get, path = "/v1/logs", params(LogQuery),
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = ApiError))
)]
pub(super) fn logs() {}

/// Opens a shell in the machine on the upgraded connection.
#[utoipa::path(
    post, path = "/v1/machine/shell", request_body = ShellRequest,
    responses(
        (status = 101, description = "the connection is a `pinnace-shell` now"),
        (status = "default", body = ApiError)
    )
)]
pub(super) fn shell() {}

/// Runs a container, runs a command in one, or attaches to one, on the upgraded connection. While a container or a
/// command is owned by a client, the end of the connection ends it, unless `detach` was said before.
#[utoipa::path(
    post, path = "/v1/containers/session", request_body = SessionRequest,
    responses(
        (status = 101, description = "the connection is a `pinnace-container` now: frames of kind u8, length u32 BE, \
            payload, whose events are `SessionEvent`s and whose failure is a `SessionFailure`"),
        (status = "default", body = ApiError)
    )
)]
pub(super) fn container_session() {}

/// Deletes the data disk, or only says what would go. The machine must be stopped.
#[utoipa::path(
    post, path = "/v1/machine/reset", request_body = ResetRequest,
    responses((status = 200, body = ResetPlan), (status = "default", body = ApiError))
)]
pub(super) fn reset() {}

/// Why a container stopped, in one sentence, from the journal. Works while the machine is stopped.
#[utoipa::path(
    get, path = "/v1/containers/why", params(WhyQuery),
    responses((status = 200, body = WhyAnswer), (status = "default", body = ApiError))
)]
pub(super) fn why() {}

/// What the signals that stop a container do to it, for each of the containers, or for all that run.
#[utoipa::path(
    get, path = "/v1/containers/signals",
    params(("container" = Option<Vec<String>>, Query, description = "a name, an id or the beginning of one; repeatable")),
    responses((status = 200, body = Vec<SignalReport>), (status = "default", body = ApiError))
)]
pub(super) fn signals() {}

/// Every port of a container on the host, as in the status.
#[utoipa::path(
    get, path = "/v1/forwards",
    responses((status = 200, body = Vec<Forward>), (status = "default", body = ApiError))
)]
pub(super) fn forwards() {}

/// Joins a host port to a port of a container, whatever that publishes, and answers with what came of it: one forward
/// for each address. While the container is stopped they are closed.
#[utoipa::path(
    post, path = "/v1/forwards/add", request_body = AddForward,
    responses((status = 200, body = Vec<Forward>), (status = "default", body = ApiError))
)]
pub(super) fn add_forward() {}

/// Binds what a container has at a port of the host at another one. Connections go on.
#[utoipa::path(
    post, path = "/v1/forwards/move", request_body = MoveForward,
    responses((status = 200, body = Vec<Forward>), (status = "default", body = ApiError))
)]
pub(super) fn move_forward() {}

/// Closes what a container has at a port of the host, and the connections, and answers with what was closed.
#[utoipa::path(
    post, path = "/v1/forwards/remove", request_body = RemoveForward,
    responses((status = 200, body = Vec<Forward>), (status = "default", body = ApiError))
)]
pub(super) fn remove_forward() {}

/// Every folder of the host that containers can mount, as in the status.
#[utoipa::path(
    get, path = "/v1/shares",
    responses((status = 200, body = Vec<Share>), (status = "default", body = ApiError))
)]
pub(super) fn shares() {}

/// Shares a folder, now and after every start. Answers when it can be mounted; of a machine that does not run, at once.
#[utoipa::path(
    post, path = "/v1/shares/add", request_body = AddShare,
    responses((status = 200, body = Share), (status = "default", body = ApiError))
)]
pub(super) fn add_share() {}

/// Shares a folder no longer, and answers with it as it was.
#[utoipa::path(
    post, path = "/v1/shares/remove", request_body = RemoveShare,
    responses((status = 200, body = Share), (status = "default", body = ApiError))
)]
pub(super) fn remove_share() {}

/// The host agent stops the machine, answers when it is down, and ends.
#[utoipa::path(post, path = "/v1/quit", responses((status = 204)))]
pub(super) fn quit() {}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", responses((status = 200, body = String, content_type = "application/json")))]
pub(super) fn openapi() {}
