//! `pinnace pause`.

use super::Outcome;
use crate::{
    args::FormatArgs,
    failure::Exit,
    output::{self, Format},
    session,
};

/// Halts the machine's CPUs.
pub async fn run(args: FormatArgs) -> Outcome {
    let status = session::running().await?.pause().await?;
    output::note("machine paused");
    output::hint("go on with `pinnace resume`");
    if args.format == Format::Json {
        output::json(&status)?;
    }
    Ok(Exit::Success)
}
