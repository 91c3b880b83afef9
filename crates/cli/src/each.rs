//! The same done to each of several containers, all at once.

use std::{collections::HashSet, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    command::Outcome,
    failure::{Exit, Failure},
    harmless,
    output::{self, Format},
};

/// Containers at one time; each may take two connections.
const AT_ONCE: usize = 64;

/// What is done, in words.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    /// As in "failed to stop".
    pub verb: &'static str,
    /// As in "stopping web".
    pub doing: &'static str,
}

/// What came of one that it was done to.
#[derive(Debug, Default)]
pub struct Done {
    /// Whether it was killed, where that is a question.
    pub killed: Option<bool>,
    /// What deserves to be said beside its name.
    pub note: Option<String>,
    /// Whether there was nothing to do: its name is not printed then.
    pub idle: bool,
}

/// A line of `--format json`.
#[derive(Serialize)]
struct Report {
    container: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    killed: Option<bool>,
    error: Option<String>,
}

/// Does it to all of them and prints each one's name when it is done. One that fails is said and does not keep the
/// others; a machine that does not run ends it all.
pub async fn each<F>(
    containers: Vec<String>,
    deed: Deed,
    format: Format,
    act: impl Fn(String) -> F,
) -> Outcome
where
    F: Future<Output = Result<Done, Failure>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut named = HashSet::new();
    let mut acts = JoinSet::new();
    for container in containers {
        // Twice is once: a second removal would find nothing.
        if named.insert(container.clone()) {
            let (act, places) = (act(container.clone()), Arc::clone(&places));
            acts.spawn(async move {
                let _place = places.acquire_owned().await;
                (container, act.await)
            });
        }
    }
    let progress = Progress::new(deed, acts.len());
    let mut reports = Vec::new();
    let mut exit = Exit::Success;
    while let Some(ended) = acts.join_next().await {
        let (container, outcome) =
            ended.map_err(|error| Failure::caused(format!("failed to {}", deed.verb), &error))?;
        let outcome = outcome.map_err(|failure| Failure {
            message: format!("failed to {} {container}: {}", deed.verb, failure.message),
            ..failure
        });
        let mut report = Report {
            container,
            killed: None,
            error: None,
        };
        match outcome {
            Ok(done) => {
                progress.done(&report.container, &done, format)?;
                report.killed = done.killed;
            }
            Err(failure) if failure.exit == Exit::NotRunning => return Err(failure),
            Err(failure) => {
                progress.failed(&failure);
                exit = Exit::Failure;
                report.error = Some(failure.message);
            }
        }
        reports.push(report);
    }
    drop(progress);
    if format == Format::Json {
        output::json(&reports)?;
    }
    Ok(exit)
}

/// A spinner on a terminal. Dropping it removes it.
struct Progress {
    spinner: ProgressBar,
}

impl Progress {
    fn new(deed: Deed, containers: usize) -> Self {
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
            spinner.set_style(style);
        }
        let plural = if containers == 1 { "" } else { "s" };
        spinner.set_message(format!("{} {containers} container{plural}", deed.doing));
        spinner.enable_steady_tick(Duration::from_millis(120));
        Self { spinner }
    }

    fn done(&self, container: &str, done: &Done, format: Format) -> Result<(), Failure> {
        self.spinner.suspend(|| {
            if format == Format::Table && !done.idle {
                output::data(&format!("{}\n", harmless::line(container)))?;
            }
            if let Some(note) = &done.note {
                output::note(&format!(
                    "{}: {}",
                    harmless::line(container),
                    harmless::line(note)
                ));
            }
            Ok(())
        })
    }

    fn failed(&self, failure: &Failure) {
        self.spinner.suspend(|| output::failure(failure));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}
