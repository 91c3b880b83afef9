//! `pinnace version`.

use api::Status;
use platform::Folders;
use serde::Serialize;

use super::Outcome;
use crate::{
    args::FormatArgs,
    failure::Exit,
    output::{self, Format},
    rows::Rows,
    session,
};

/// The version of each part; absent while it does not run or is not known.
#[derive(Serialize)]
struct Versions {
    client: &'static str,
    host_agent: Option<String>,
    guest_agent: Option<String>,
    engine: Option<String>,
    engine_api: Option<String>,
    vm_program: Option<String>,
    vm_image: Option<String>,
}

impl Versions {
    fn of(status: Option<Status>) -> Self {
        let client = env!("CARGO_PKG_VERSION");
        let Some(status) = status else {
            return Self {
                client,
                host_agent: None,
                guest_agent: None,
                engine: None,
                engine_api: None,
                vm_program: None,
                vm_image: None,
            };
        };
        Self {
            client,
            host_agent: Some(status.host_agent.version),
            guest_agent: status.machine.guest_agent,
            engine: status.engine.version,
            engine_api: status.engine.api_version,
            vm_program: status.machine.program,
            vm_image: status
                .image
                .map(|image| format!("{} {}", image.version, image.arch)),
        }
    }
}

/// Prints the versions of what runs. Works with nothing running, and without usable folders.
pub async fn run(args: FormatArgs) -> Outcome {
    let status = match Folders::resolve() {
        Ok(folders) => session::status_if_running(&folders).await,
        Err(_) => None,
    };
    let versions = Versions::of(status);
    match args.format {
        Format::Json => output::json(&versions)?,
        Format::Table => output::data(&table(&versions))?,
    }
    Ok(Exit::Success)
}

fn table(versions: &Versions) -> String {
    let shown = |version: &Option<String>| version.clone().unwrap_or_else(|| "not running".to_owned());
    let mut rows = Rows::default();
    rows.add("client", versions.client);
    rows.add("host agent", shown(&versions.host_agent));
    rows.add("guest agent", shown(&versions.guest_agent));
    rows.add("engine", shown(&versions.engine));
    rows.add_some("engine API", versions.engine_api.as_ref());
    rows.add_some("vm program", versions.vm_program.as_ref());
    rows.add_some("vm image", versions.vm_image.as_ref());
    rows.text()
}
