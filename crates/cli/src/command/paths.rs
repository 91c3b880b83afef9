//! `pinnace paths`.

use clap::ValueEnum;
use platform::Folders;
use serde_json::{Map, Value};

use super::Outcome;
use crate::{
    args::PathsArgs,
    failure::Exit,
    output::{self, Format},
    rows::Rows,
    session,
};

/// A path that is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum PathName {
    /// Settings.
    Config,
    /// The data disk.
    Data,
    /// What is remembered between runs.
    State,
    /// Logs.
    Logs,
    /// What can be made anew.
    Cache,
    /// Sockets and locks.
    Run,
    /// Where docker clients reach the engine.
    EngineSocket,
    /// Where this program reaches the host agent.
    ApiSocket,
}

impl PathName {
    fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Data => "data",
            Self::State => "state",
            Self::Logs => "logs",
            Self::Cache => "cache",
            Self::Run => "run",
            Self::EngineSocket => "engine_socket",
            Self::ApiSocket => "api_socket",
        }
    }

    fn of(self, folders: &Folders) -> String {
        match self {
            Self::Config => folders.config.display().to_string(),
            Self::Data => folders.data.display().to_string(),
            Self::State => folders.state.display().to_string(),
            Self::Logs => folders.logs.display().to_string(),
            Self::Cache => folders.cache.display().to_string(),
            Self::Run => folders.run.display().to_string(),
            Self::EngineSocket => folders.engine_socket.to_string(),
            Self::ApiSocket => folders.api_socket.to_string(),
        }
    }
}

/// Prints all paths, or one. Creates nothing.
pub fn run(args: &PathsArgs) -> Outcome {
    let folders = session::folders()?;
    let names = match &args.name {
        Some(name) => std::slice::from_ref(name),
        None => PathName::value_variants(),
    };
    match args.format.format {
        Format::Json => {
            let paths: Map<String, Value> = names
                .iter()
                .map(|name| (name.name().to_owned(), name.of(&folders).into()))
                .collect();
            output::json(&paths)?;
        }
        Format::Table => match args.name {
            // Alone it is meant for scripts, which want the path as it is.
            Some(name) => output::data(&format!("{}\n", name.of(&folders)))?,
            None => {
                let mut rows = Rows::default();
                for name in names {
                    rows.add(name.name(), name.of(&folders));
                }
                output::data(&rows.text())?;
            }
        },
    }
    Ok(Exit::Success)
}
