//! `pinnace docker-host`: how other programs reach the engine without a docker context.

use clap::ValueEnum;
use serde_json::json;

use super::Outcome;
use crate::{
    args::DockerHostArgs,
    failure::Exit,
    output::{self, Format},
    session, sys,
};

/// How a shell sets a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellSyntax {
    /// bash, zsh and every POSIX shell.
    Sh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Windows' command prompt.
    Cmd,
}

impl ShellSyntax {
    /// The one that most users of this OS have.
    pub const USUAL_NAME: &str = sys::USUAL_SHELL;

    fn set_docker_host(self, value: &str) -> String {
        match self {
            Self::Sh => format!("export DOCKER_HOST='{}'", value.replace('\'', r"'\''")),
            Self::Fish => {
                format!(
                    "set -gx DOCKER_HOST '{}'",
                    value.replace('\\', r"\\").replace('\'', r"\'")
                )
            }
            Self::Powershell => format!("$env:DOCKER_HOST = '{}'", value.replace('\'', "''")),
            Self::Cmd => format!("set \"DOCKER_HOST={value}\""),
        }
    }
}

/// Prints the value, or the shell command that sets it.
pub fn run(args: &DockerHostArgs) -> Outcome {
    let value = session::folders()?.engine_socket.to_string();
    match (args.shell, args.format) {
        (Some(syntax), _) => output::data(&format!("{}\n", syntax.set_docker_host(&value)))?,
        (None, Format::Json) => output::json(&json!({ "docker_host": value }))?,
        (None, Format::Table) => output::data(&format!("{value}\n"))?,
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_docker_host_quotes_are_escaped_for_each_shell() {
        let check =
            |syntax: ShellSyntax, line: &str| assert_eq!(syntax.set_docker_host("unix:///a 'b"), line);
        check(ShellSyntax::Sh, r"export DOCKER_HOST='unix:///a '\''b'");
        check(ShellSyntax::Fish, r"set -gx DOCKER_HOST 'unix:///a \'b'");
        check(ShellSyntax::Powershell, "$env:DOCKER_HOST = 'unix:///a ''b'");
        check(ShellSyntax::Cmd, "set \"DOCKER_HOST=unix:///a 'b\"");
    }
}
