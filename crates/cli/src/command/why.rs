//! `pinnace why`: why a container stopped.

use api::WhyQuery;

use super::Outcome;
use crate::{
    args::WhyArgs,
    failure::Exit,
    harmless,
    output::{self, Format},
    rows::Rows,
    session,
};

/// Prints the sentence, and what it was concluded from where that is wanted.
pub async fn run(args: WhyArgs) -> Outcome {
    // The journal is readable while the machine is stopped; only the host agent has to be there.
    let client = session::running_or_started().await?;
    let answer = client
        .why(&WhyQuery {
            container: args.container,
        })
        .await?;
    match args.format.format {
        Format::Json => output::json(&answer)?,
        Format::Table => {
            output::data(&format!("{}\n", harmless::line(&answer.sentence)))?;
            if args.evidence {
                let mut rows = Rows::default();
                for line in &answer.evidence {
                    rows.add(&line.at, &line.text);
                }
                output::data(&rows.text())?;
            }
        }
    }
    Ok(Exit::Success)
}
