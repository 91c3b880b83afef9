//! `pinnace doctor`: checks as data, and how they are printed.
//!
//! Every check works without the host agent and changes nothing. One file per subject; the order here is the order in
//! which a reader should mend things.

mod accelerator;
mod config;
mod docker_cli;
mod folders;
mod resources;
mod sockets;
mod vm_image;
mod vm_program;

use std::fmt::Write as _;

use api::Status;
use platform::{Folders, FoldersError};
use serde::Serialize;

use crate::{
    args::FormatArgs,
    command::Outcome,
    failure::Exit,
    harmless,
    output::{self, Format},
    session,
};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A stable name.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was seen.
    pub detail: String,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, though not as well as it could.
    Warn,
    /// The machine or this program will not work.
    Fail,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Ok,
            detail: detail.into(),
            hint: None,
        }
    }

    fn warn(name: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Warn,
            detail: detail.into(),
            hint: Some(hint.into()),
        }
    }

    fn fail(name: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Fail,
            detail: detail.into(),
            hint: Some(hint.into()),
        }
    }
}

/// What all checks may look at.
struct Surroundings {
    folders: Folders,
    /// The host agent's word, when it runs and answers.
    status: Option<Status>,
}

/// Runs all checks. Fails if one of them does.
pub async fn run(args: FormatArgs) -> Outcome {
    let checks = all_checks(Folders::resolve()).await;
    match args.format {
        Format::Json => output::json(&checks)?,
        Format::Table => output::data(&table(&checks))?,
    }
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if failed { Exit::Failure } else { Exit::Success })
}

async fn all_checks(folders: Result<Folders, FoldersError>) -> Vec<Check> {
    let folders = match folders {
        Ok(folders) => folders,
        // Nothing else can be looked at but the host itself.
        Err(error) => {
            let mut checks = vec![folders::unresolved(&error)];
            checks.extend(resources::of_host());
            checks.push(vm_program::check(None).await);
            return checks;
        }
    };
    let status = session::status_if_running(&folders).await;
    let around = Surroundings { folders, status };
    let mut checks = folders::check(&around.folders);
    checks.push(config::check(&around.folders));
    checks.push(resources::disk(&around.folders));
    checks.extend(resources::of_host());
    checks.push(vm_program::check(around.status.as_ref()).await);
    checks.push(accelerator::check(&around));
    checks.push(vm_image::check(&around));
    checks.push(sockets::check("host agent", &around.folders.api_socket).await);
    checks.push(sockets::check("engine socket", &around.folders.engine_socket).await);
    checks.push(docker_cli::check(&around.folders.engine_socket.to_string()).await);
    checks
}

fn table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        let _ = writeln!(
            text,
            "{verdict:4}  {:width$}  {}",
            check.name,
            harmless::line(&check.detail)
        );
        if let Some(hint) = &check.hint {
            let _ = writeln!(text, "{:4}  {:width$}  hint: {}", "", "", harmless::line(hint));
        }
    }
    text
}
