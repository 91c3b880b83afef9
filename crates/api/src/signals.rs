//! The signal doctor: will a container's PID 1 ignore Ctrl+C? The query and the answer of
//! `GET /v1/containers/signals`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::query;

/// The most containers that [`Client::signals`](crate::Client::signals) asks about in one call.
pub(crate) const MAX_ASKED: usize = 100;

/// The query that asks about `containers`; all that run where there are none.
pub(crate) fn signals_query(containers: &[String]) -> String {
    query::encode(
        containers
            .iter()
            .map(|container| ("container", container.as_str())),
    )
}

/// What the signals that stop a container do to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignalReport {
    /// The container's whole id; what was asked for where there is no such container.
    pub container: String,
    /// Its name, empty where it is not known.
    pub name: String,
    /// What its PID 1 does with them.
    pub verdict: StopVerdict,
    /// The program that is PID 1, empty where it is not known.
    pub program: String,
    /// What is wrong and the next step, where something is: `ignores SIGINT and SIGTERM; add --init`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// What a PID 1 does with SIGINT, which Ctrl+C sends, and with the container's stop signal, SIGTERM where it has no
/// other. That it ignores one is certain: the kernel drops it. That it does not is no promise to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StopVerdict {
    /// Both reach the program.
    Handles,
    /// Only the stop signal does.
    IgnoresInterrupt,
    /// Only SIGINT does.
    IgnoresTerminate,
    /// Neither does: only SIGKILL stops it.
    IgnoresBoth,
    /// Nobody could look.
    Unknown {
        /// Why.
        reason: String,
    },
}
