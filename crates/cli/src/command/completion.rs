//! `pinnace completion`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Outcome;
use crate::{args::Cli, failure::Exit, output};

/// Prints the completion script for a shell.
pub fn run(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pinnace", &mut script);
    output::data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
