//! How a container ends, in spite of a link that comes and goes.

use std::time::Duration;

use engine_client::{Engine, EngineError, JsonLines, WaitResult};
use tokio::time::Instant;

/// Between two tries to reach an engine that cannot be reached.
pub const RETRY: Duration = Duration::from_secs(1);
/// How long an engine that cannot be reached is waited for. A machine that is paused, or whose engine starts anew,
/// comes back; the container goes on all the while.
const LOST_LIMIT: Duration = Duration::from_secs(120);

/// Waits for the exit code. `waiting` was begun before the start. Fails with what the engine says, as when the
/// container is gone, or when the engine stays out of reach.
pub async fn exit_code(
    engine: &Engine,
    container: &str,
    waiting: JsonLines<WaitResult>,
) -> Result<i64, EngineError> {
    let mut waiting = Some(waiting);
    let mut lost: Option<Instant> = None;
    loop {
        let error = match next(engine, container, waiting.take()).await {
            Ok(code) => return Ok(code),
            Err(error) if error.status().is_some_and(|status| status < 500) => return Err(error),
            Err(error) => error,
        };
        let since = *lost.get_or_insert_with(Instant::now);
        if since.elapsed() > LOST_LIMIT {
            return Err(error);
        }
        tokio::time::sleep(RETRY).await;
        if let Ok(details) = engine.container(container).await {
            if !details.state.running && details.state.status != "restarting" {
                return Ok(details.state.exit_code);
            }
            lost = None;
        }
    }
}

async fn next(
    engine: &Engine,
    container: &str,
    waiting: Option<JsonLines<WaitResult>>,
) -> Result<i64, EngineError> {
    let mut waiting = match waiting {
        Some(waiting) => waiting,
        None => engine.begin_wait(container, "not-running").await?,
    };
    match waiting.next().await? {
        Some(result) => Ok(result.status_code),
        None => Err(EngineError::Refused {
            status: 500,
            message: "the engine stopped waiting for the container".to_owned(),
        }),
    }
}

/// Asks until it is done, or there is nothing left to do it to: a stop that gets lost would leave the container
/// running.
pub async fn insist<F>(what: &'static str, container: &str, ask: impl Fn() -> F)
where
    F: Future<Output = Result<(), EngineError>>,
{
    let since = Instant::now();
    loop {
        match ask().await {
            Ok(()) => return,
            // Gone, or not running.
            Err(error) if matches!(error.status(), Some(404 | 409)) => {
                tracing::debug!(%error, container, what, "nothing left to do");
                return;
            }
            Err(error) if since.elapsed() > LOST_LIMIT => {
                return tracing::warn!(%error, container, what, "given up");
            }
            Err(error) => tracing::debug!(%error, container, what, "to be tried again"),
        }
        tokio::time::sleep(RETRY).await;
    }
}
