//! `pinnace restart`.

use super::{
    Outcome,
    start::{follow, report, start_request},
};
use crate::{args::StartArgs, host_agent, session};

/// Stops the machine if it runs, and starts it.
pub async fn run(args: StartArgs) -> Outcome {
    let (client, before) = session::answering_or_started().await?;
    host_agent::warn_about_other_version(&before.host_agent);
    let request = start_request(&args);
    let (status, progress) = follow(&client, &args, client.restart(&request)).await?;
    report(&args, &status, progress, false)
}
