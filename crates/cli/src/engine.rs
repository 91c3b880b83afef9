//! The way to the engine: the Docker API at the user's own endpoint, as every other docker client reaches it.

use std::io::{self, ErrorKind};

use engine_client::{Connect, Engine, EngineError, Io};
use platform::{LocalAddress, LocalStream};

use crate::{
    failure::{Exit, Failure},
    session,
};

/// What the endpoint answers while there is no engine behind it.
const SERVICE_UNAVAILABLE: u16 = 503;

/// A client of the engine. Opens no connection yet: a machine that does not run is seen by the first call.
pub fn engine() -> Result<Engine, Failure> {
    Ok(Engine::new(Endpoint(session::folders()?.engine_socket)))
}

/// Connects to the engine's endpoint.
#[derive(Debug)]
struct Endpoint(LocalAddress);

#[async_trait::async_trait]
impl Connect for Endpoint {
    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        Ok(Box::new(LocalStream::connect(&self.0).await?))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Connect(source) if is_absent(source) => {
                Self::not_running("the machine is not running")
            }
            EngineError::Connect(_) => Self::caused_alone(&error).hint("see `pinnace doctor`"),
            // The message says what the machine does instead.
            EngineError::Refused {
                status: SERVICE_UNAVAILABLE,
                message,
            } => Self::new(message.clone())
                .exit(Exit::NotRunning)
                .hint("see `pinnace status`; `pinnace start` starts the machine"),
            EngineError::Refused { .. } => Self::caused_alone(&error),
            EngineError::Http { .. } | EngineError::Broken { .. } => Self::caused_alone(&error)
                .hint("the machine or its engine may have ended; see `pinnace status`"),
            EngineError::Answer { .. } | EngineError::TooLong { .. } => Self::caused_alone(&error)
                .hint("the engine may be of another version than expected; see `pinnace version`"),
        }
    }
}

/// Whether nobody listens at the endpoint, as opposed to somebody who cannot be talked to.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_engine_error_sets_the_exit_code() {
        let check = |error: EngineError, exit| assert_eq!(Failure::from(error).exit, exit);
        let refused = |status| EngineError::Refused {
            status,
            message: "m".to_owned(),
        };
        check(refused(503), Exit::NotRunning);
        check(refused(404), Exit::Failure);
        check(EngineError::Connect(ErrorKind::NotFound.into()), Exit::NotRunning);
        check(
            EngineError::Connect(ErrorKind::PermissionDenied.into()),
            Exit::Failure,
        );
    }
}
