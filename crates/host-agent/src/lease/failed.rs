//! Why a session came to nothing.

use api::{AgentFrame, Code, SessionFailure};
use engine_client::EngineError;

use super::image::ImageError;
use crate::failure::{chain, failure};

/// Docker's exit code when the engine refuses.
pub const REFUSED: u8 = 125;
/// Docker's exit code when `exec` or `attach` come to nothing.
pub const OTHER: u8 = 1;

/// The last frame of a session that the engine let down.
pub fn failed(error: &EngineError, exit_code: u8) -> AgentFrame {
    let code = match error {
        EngineError::Connect(_) => Code::NotRunning,
        EngineError::Refused { status, .. } => match status {
            400 => Code::BadRequest,
            404 => Code::NotFound,
            409 => Code::Conflict,
            _ => Code::Internal,
        },
        _ => Code::Internal,
    };
    AgentFrame::Failed(SessionFailure {
        error: failure(code, chain(error)),
        exit_code,
    })
}

/// The last frame of a session whose image is not there.
pub fn without_image(error: &ImageError) -> AgentFrame {
    match error {
        ImageError::Look(error) => failed(error, REFUSED),
        ImageError::Name(error) => refused(Code::BadRequest, format!("the image's name: {error}"), REFUSED),
        ImageError::Pull { registry, source } => {
            let mut last = failed(source, REFUSED);
            // Registries answer alike to a wrong name and to missing credentials.
            if let (AgentFrame::Failed(failure), EngineError::Refused { .. }) = (&mut last, source) {
                failure.error.hint = Some(format!(
                    "check the name and the network; where a login is needed, run `docker login {registry}` first"
                ));
            }
            last
        }
    }
}

/// The last frame of a session that was asked for wrongly, or in the wrong state.
pub fn refused(code: Code, message: impl Into<String>, exit_code: u8) -> AgentFrame {
    AgentFrame::Failed(SessionFailure {
        error: failure(code, message),
        exit_code,
    })
}
