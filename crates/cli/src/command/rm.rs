//! `pinnace rm`.

use engine_client::{Engine, EngineError, Removal};

use super::Outcome;
use crate::{
    args::RmArgs,
    each::{Deed, Done, each},
    engine::engine,
    failure::Failure,
};

const DEED: Deed = Deed {
    verb: "remove",
    doing: "removing",
};

/// What the engine answers to what cannot be done now.
const CONFLICT: u16 = 409;

/// Removes containers.
pub async fn run(args: RmArgs) -> Outcome {
    let engine = engine()?;
    let removal = Removal {
        force: args.force,
        volumes: args.volumes,
    };
    each(args.containers, DEED, args.format.format, |container| {
        remove(engine.clone(), container, removal)
    })
    .await
}

async fn remove(engine: Engine, container: String, removal: Removal) -> Result<Done, Failure> {
    match engine.remove(&container, removal).await {
        Ok(()) => Ok(Done::default()),
        // What is to be gone in any case is gone.
        Err(error) if error.is_not_found() && removal.force => Ok(Done {
            note: Some("there is no such container".to_owned()),
            idle: true,
            ..Done::default()
        }),
        Err(error) => Err(explained(&engine, &container, error).await),
    }
}

/// A conflict has several causes; only a running container has a next step.
async fn explained(engine: &Engine, container: &str, error: EngineError) -> Failure {
    let runs = error.status() == Some(CONFLICT)
        && engine
            .container(container)
            .await
            .is_ok_and(|details| details.state.running);
    if runs {
        Failure::new("it runs; stop it first, or use --force")
            .hint("`pinnace stop` stops it, and kills it only when it does not stop in time")
    } else {
        error.into()
    }
}
