//! `pinnace stop CONTAINER…`.

use std::time::{Duration, Instant};

use engine_client::{Engine, JsonLines, WaitResult};

use super::super::Outcome;
use crate::{
    args::StopContainersArgs,
    each::{Deed, Done, each},
    engine::engine,
    failure::{Exit, Failure},
    output::{self, Format},
    quantity,
};

const DEED: Deed = Deed {
    verb: "stop",
    doing: "stopping",
};

/// PID 1's exit code when SIGKILL ended it.
const KILLED: i64 = 128 + 9;

/// How long after the engine has said that a container stopped its exit code may take.
const EXIT_CODE_LIMIT: Duration = Duration::from_secs(2);

/// Stops containers all at once and says which of them had to be killed.
pub async fn run(args: StopContainersArgs, format: Format) -> Outcome {
    let engine = engine()?;
    let containers = if args.all {
        running(&engine).await?
    } else {
        args.containers
    };
    if containers.is_empty() {
        output::note("no container is running");
        if format == Format::Json {
            output::json(&[(); 0])?;
        }
        return Ok(Exit::Success);
    }
    each(containers, DEED, format, |container| {
        stop(engine.clone(), container, args.timeout)
    })
    .await
}

/// The names of all that run.
async fn running(engine: &Engine) -> Result<Vec<String>, Failure> {
    let containers = engine.containers(false, None).await?;
    let name = |container: engine_client::ContainerSummary| match container.names.first() {
        Some(name) => name.trim_start_matches('/').to_owned(),
        None => container.id,
    };
    Ok(containers.into_iter().map(name).collect())
}

async fn stop(engine: Engine, container: String, timeout_s: Option<i64>) -> Result<Done, Failure> {
    // Asked before the stop: a container that is removed when it ends is gone afterwards.
    let end = engine.begin_wait(&container, "not-running").await?;
    let begun = Instant::now();
    let ran = engine.stop(&container, timeout_s).await?;
    let took = begun.elapsed();
    let killed = ran && exit_code(end).await == Some(KILLED);
    Ok(Done {
        killed: Some(killed),
        idle: false,
        note: killed.then(|| {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            format!(
                "killed after {}: it did not stop by itself; --init helps where PID 1 ignores signals",
                quantity::duration(ms)
            )
        }),
    })
}

/// What PID 1 ended with, if the engine says it.
async fn exit_code(mut end: JsonLines<WaitResult>) -> Option<i64> {
    let result = tokio::time::timeout(EXIT_CODE_LIMIT, end.next()).await;
    Some(result.ok()?.ok()??.status_code)
}
