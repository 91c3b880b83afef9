//! `pinnace kill`.

use super::Outcome;
use crate::{
    args::KillArgs,
    each::{Deed, Done, each},
    engine::engine,
};

const DEED: Deed = Deed {
    verb: "kill",
    doing: "killing",
};

/// Sends a signal to containers.
pub async fn run(args: KillArgs) -> Outcome {
    let engine = engine()?;
    each(args.containers, DEED, args.format.format, |container| {
        let (engine, signal) = (engine.clone(), args.signal.clone());
        async move {
            engine.kill(&container, Some(&signal)).await?;
            Ok(Done::default())
        }
    })
    .await
}
