//! `pinnace context`: our context of the docker CLI. The host agent writes it; making it current is the user's choice.

use serde_json::json;

use super::Outcome;
use crate::{
    args::{ContextAction, FormatArgs},
    docker::{DockerConfig, OUR_CONTEXT, Selection},
    failure::{Exit, Failure},
    output::{self, Format},
    rows::Rows,
};

/// Shows the context or makes it current.
pub fn run(action: &ContextAction) -> Outcome {
    let config = DockerConfig::find()?;
    match action {
        ContextAction::Show(args) => show(&config, args),
        ContextAction::Use => make_current(&config),
    }
}

fn show(config: &DockerConfig, args: &FormatArgs) -> Outcome {
    let endpoint = config.context_endpoint(OUR_CONTEXT)?;
    let selection = config.selection()?;
    let used = config.endpoint(&selection)?;
    match args.format {
        Format::Json => output::json(&json!({
            "context": OUR_CONTEXT,
            "endpoint": endpoint,
            "selected_by": selection.described(),
            "selected_endpoint": used,
            "current": endpoint.is_some() && endpoint == used,
        }))?,
        Format::Table => {
            let mut rows = Rows::default();
            rows.add("context", OUR_CONTEXT);
            rows.add("endpoint", endpoint.as_deref().unwrap_or("not written yet"));
            let used = used.map(|used| format!(" ({used})")).unwrap_or_default();
            rows.add("docker uses", format!("{}{used}", selection.described()));
            output::data(&rows.text())?;
        }
    }
    Ok(Exit::Success)
}

fn make_current(config: &DockerConfig) -> Outcome {
    if config.context_endpoint(OUR_CONTEXT)?.is_none() {
        return Err(
            Failure::new(format!("there is no docker context {OUR_CONTEXT} yet"))
                .hint("`pinnace start` writes it, unless `context = false` is set under `[engine]`"),
        );
    }
    let before = config.make_current(OUR_CONTEXT)?;
    output::note(&format!("docker's current context is {OUR_CONTEXT}"));
    if before != OUR_CONTEXT {
        output::hint(&format!("go back with `docker context use {before}`"));
    }
    let selection = config.selection()?;
    if matches!(
        selection,
        Selection::HostVariable(_) | Selection::ContextVariable(_)
    ) {
        output::warning(&format!(
            "it is overridden in this shell: {}",
            selection.described()
        ));
    }
    Ok(Exit::Success)
}
