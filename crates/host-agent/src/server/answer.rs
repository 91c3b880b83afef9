//! Bodies in, errors out.

use api::{ApiError, Code};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;

use crate::failure::failure;

/// An error on its way to the client.
pub(super) struct Failed(pub(super) ApiError);

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, axum::Json(self.0)).into_response()
    }
}

/// Reads a JSON body; none at all means every default.
pub(super) fn read<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Failed> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        Failed(failure(
            Code::BadRequest,
            format!("failed to understand the request: {error}"),
        ))
    })
}

/// Reads a body that has no default.
pub(super) fn read_whole<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failed> {
    let understood = serde_json::from_slice(body);
    understood.map_err(|error| {
        let message = format!("failed to understand the request: {error}");
        failure(Code::BadRequest, message).into()
    })
}
