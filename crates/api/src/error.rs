//! What every failed call answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A failed call. The HTTP status follows from the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What a client may act on.
    pub code: Code,
    /// The whole chain of causes: lower case, no final period.
    pub message: String,
    /// The next step, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a client may act on. Closed; only ever added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request itself is wrong.
    BadRequest,
    /// There is no such thing.
    NotFound,
    /// The machine does not run.
    NotRunning,
    /// The machine's state does not allow it now.
    Conflict,
    /// It took too long.
    Timeout,
    /// This host cannot run machines, or not as asked.
    UnsupportedHost,
    /// The VM image is missing or damaged.
    VmImage,
    /// The data disk is missing, damaged, foreign or in use.
    DataDisk,
    /// The settings file is wrong.
    Settings,
    /// The host's disk is full.
    NoSpace,
    /// A newer call took its place: a stop during a start, a start during a stop.
    Superseded,
    /// Anything else.
    Internal,
}

impl Code {
    /// The HTTP status of an answer with this code.
    pub fn http_status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::NotRunning | Self::Conflict | Self::Superseded => 409,
            Self::Timeout => 504,
            Self::UnsupportedHost | Self::VmImage | Self::DataDisk | Self::Settings => 422,
            Self::NoSpace => 507,
            Self::Internal => 500,
        }
    }
}
