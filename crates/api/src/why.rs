//! "Why did it stop?": the query and the answer of `GET /v1/containers/why`.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::query;

/// The query of `GET /v1/containers/why`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct WhyQuery {
    /// The container's name, its id, or the beginning of its id. A container that was removed counts too.
    pub container: String,
}

impl WhyQuery {
    /// The query as it stands in a URL.
    pub fn to_query(&self) -> String {
        query::encode([("container", self.container.as_str())])
    }
}

/// Why a container stopped, or that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyAnswer {
    /// The container's whole id.
    pub container: String,
    /// Its last name.
    pub name: String,
    /// Whether it runs now; absent when nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// The answer: one line, lower case where a name does not begin it, no final period.
    pub sentence: String,
    /// What it was concluded from, oldest first.
    pub evidence: Vec<WhyEvidence>,
}

/// One thing that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyEvidence {
    /// When, RFC 3339 with milliseconds.
    pub at: String,
    /// What, in one line.
    pub text: String,
}
