//! `pinnace resume`.

use super::Outcome;
use crate::{
    args::FormatArgs,
    failure::Exit,
    output::{self, Format},
    session,
};

/// Lets a paused machine go on.
pub async fn run(args: FormatArgs) -> Outcome {
    let status = session::running().await?.resume().await?;
    output::note("machine running");

    if args.format == Format::Json {
        output::json(&status)?;
    }
    Ok(Exit::Success)
}
