//! `pinnace reset`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use api::{Client, MachineState, ResetPlan, ResetRequest, StopRequest};
use platform::Folders;

use super::Outcome;
use crate::{
    args::ResetArgs,
    failure::{Exit, Failure},
    host_agent,
    output::{self, Format},
    quantity,
    rows::Rows,
    session,
};

/// Deletes the data disk after showing what goes, and asking.
pub async fn run(args: ResetArgs) -> Outcome {
    if !args.dry_run && !args.yes && !io::stdin().is_terminal() {
        return Err(
            Failure::new("reset deletes data and there is no terminal to ask on")
                .exit(Exit::Usage)
                .hint("see what goes with `--dry-run`, and agree with `--yes`"),
        );
    }
    let folders = session::folders()?;
    let (client, ours) = match session::connect(&folders.api_socket).await? {
        Some(client) => (client, false),
        // Only the host agent touches the data disk, so that no two ever do.
        None => (host_agent::start(&folders).await?, true),
    };
    let outcome = plan_and_delete(&args, &client).await;
    if ours {
        // It was started for this alone.
        if let Err(failure) = end(&client, &folders).await {
            output::warning(&format!("failed to end the host agent: {}", failure.message));
        }
    }
    outcome
}

async fn end(client: &Client, folders: &Folders) -> Result<(), Failure> {
    let pid = client.status().await?.host_agent.pid;
    host_agent::ending::end(client, pid, folders).await
}

async fn plan_and_delete(args: &ResetArgs, client: &Client) -> Outcome {
    let plan = client
        .reset(&ResetRequest {
            dry_run: true,
            factory: args.factory,
        })
        .await?;
    let state = client.status().await?.machine.state;
    let runs = !matches!(state, MachineState::Stopped | MachineState::Failed);
    if args.dry_run {
        print_plan(&plan, args.format.format)?;
        return Ok(Exit::Success);
    }
    if !args.yes {
        output::note(table(&plan).trim_end());
        if runs {
            output::note("the machine runs and will be stopped without waiting for its containers");
        }
        if !confirmed("delete all of this, every container, image and volume? [y/N] ")? {
            return Err(Failure::new("nothing was deleted"));
        }
    }
    if runs {
        client
            .stop(&StopRequest {
                force: true,
                grace_ms: None,
            })
            .await?;
    }
    let deleted = client
        .reset(&ResetRequest {
            dry_run: false,
            factory: args.factory,
        })
        .await?;
    output::note("deleted:");
    print_plan(&deleted, args.format.format)?;
    Ok(Exit::Success)
}

fn print_plan(plan: &ResetPlan, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::json(plan),
        Format::Table => output::data(&table(plan)),
    }
}

fn table(plan: &ResetPlan) -> String {
    let mut rows = Rows::default();
    for (path, bytes) in &plan.deletes {
        rows.add(format!("{:>10}", quantity::size(*bytes)), path);
    }
    let total = plan
        .deletes
        .iter()
        .fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    rows.add(format!("{:>10}", quantity::size(total)), "in all");
    rows.text()
}

/// Asks on the terminal; anything but yes is no.
fn confirmed(question: &str) -> Result<bool, Failure> {
    let mut stderr = io::stderr().lock();
    stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
