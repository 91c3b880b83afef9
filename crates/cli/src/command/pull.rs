//! `pinnace pull`.

use engine_client::{EngineError, Reference};
use serde_json::json;

use super::Outcome;
use crate::{
    args::PullArgs,
    engine::engine,
    failure::{Exit, Failure},
    output::{self, Format},
    pull_progress::PullProgress,
    registry_login::{refused_hint, registry_auth},
};

/// Fetches an image and prints its name.
pub async fn run(args: PullArgs) -> Outcome {
    let engine = engine()?;
    let image = &args.image;
    let auth = registry_auth(image.registry()).await;
    let mut steps = engine
        .pull(image, args.platform.as_deref(), auth.as_ref())
        .await
        .map_err(|error| failed(error, image))?;
    let mut progress = (!args.quiet).then(|| PullProgress::new(&image.version));
    while let Some(step) = steps.next().await? {
        if let Some(message) = step.error {
            return Err(explained(Failure::new(message), image));
        }
        if let Some(progress) = &mut progress {
            progress.show(&step);
        }
    }
    drop(progress);
    match args.format.format {
        Format::Json => {
            let id = engine.image(&image.text()).await?.id;
            output::json(&json!({ "image": image.text(), "id": id }))?;
        }
        Format::Table => output::data(&format!("{}\n", image.text()))?,
    }
    Ok(Exit::Success)
}

fn failed(error: EngineError, image: &Reference) -> Failure {
    let refused = matches!(error, EngineError::Refused { .. });
    let failure = Failure::from(error);
    if refused && failure.hint.is_none() {
        explained(failure, image)
    } else {
        failure
    }
}

/// The engine's words say what.
fn explained(failure: Failure, image: &Reference) -> Failure {
    failure.hint(refused_hint(image.registry()))
}
