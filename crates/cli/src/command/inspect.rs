//! `pinnace inspect`.

mod summary;

use engine_client::{Engine, EngineError};
use serde_json::Value;

use super::Outcome;
use crate::{
    args::{InspectArgs, Inspected},
    engine::engine,
    failure::{Exit, Failure},
    output::{self, Format},
    stop_advice::StopAdvice,
};

/// Prints containers and images. One that is not found does not keep the others.
pub async fn run(args: InspectArgs) -> Outcome {
    let engine = engine()?;
    let mut found = Vec::new();
    let mut exit = Exit::Success;
    for name in &args.names {
        match look(&engine, name, args.kind).await {
            Ok(Some(one)) => found.push(one),
            Ok(None) => {
                let what = match args.kind {
                    Some(Inspected::Container) => "container",
                    Some(Inspected::Image) => "image",
                    None => "container or image",
                };
                output::failure(&Failure::new(format!("there is no {what} {name}")));
                exit = Exit::Failure;
            }
            Err(error) => {
                let failure = Failure::from(error);
                if failure.exit == Exit::NotRunning {
                    return Err(failure);
                }
                output::failure(&failure);
                exit = Exit::Failure;
            }
        }
    }
    match args.format {
        Format::Json => {
            let values: Vec<&Value> = found.iter().map(|one| &one.value).collect();
            output::json(&values)?;
        }
        Format::Table => {
            let mut texts = Vec::new();
            for one in &found {
                texts.push(match one.kind {
                    Inspected::Container => {
                        let id = one.value["Id"].as_str().unwrap_or_default().to_owned();
                        let running = one.value["State"]["Running"].as_bool().unwrap_or(false);
                        let stop = if running {
                            StopAdvice::of(std::slice::from_ref(&id)).await.text(&id)
                        } else {
                            String::new()
                        };
                        summary::container(&one.value, &stop)
                    }
                    Inspected::Image => summary::image(&one.value),
                });
            }
            output::data(&texts.join("\n"))?;
        }
    }
    Ok(exit)
}

/// What was found.
struct Found {
    kind: Inspected,
    /// Everything the engine says of it.
    value: Value,
}

/// A container by that name or id, and else an image.
async fn look(engine: &Engine, name: &str, kind: Option<Inspected>) -> Result<Option<Found>, EngineError> {
    if kind != Some(Inspected::Image)
        && let Some(value) = present(engine.whole_container(name).await)?
    {
        let kind = Inspected::Container;
        return Ok(Some(Found { kind, value }));
    }
    if kind != Some(Inspected::Container)
        && let Some(value) = present(engine.whole_image(name).await)?
    {
        let kind = Inspected::Image;
        return Ok(Some(Found { kind, value }));
    }
    Ok(None)
}

fn present(answer: Result<Value, EngineError>) -> Result<Option<Value>, EngineError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
