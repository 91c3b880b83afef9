//! What `GET /v1/events` streams (server-sent events; `id` counts up, `Last-Event-ID` resumes).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Status;

/// Something that happened. A client that missed events (the first event after a gap has `resync` as its SSE event
/// name) reads `/v1/status` again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ApiEvent {
    /// The status changed; this is the new one, whole.
    Status {
        /// The new status.
        status: Box<Status>,
    },
    /// The ports of containers on the host changed: `GET /v1/forwards` has them.
    Forwards,
    /// The folders of the host in the machine changed: `GET /v1/shares` has them.
    Shares,
    /// A line for people about what is going on: a warning, a restart, a recovery.
    Notice {
        /// Lower case, no final period.
        message: String,
        /// The next step, where there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}
