//! The command line. Its help text is the reference documentation of every command.

mod containers;
mod duration;
mod images;
mod logs;
mod ports;
mod run;
mod shares;

use std::{ffi::OsString, time::Duration};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use self::duration::parse_duration;
use crate::{
    command::{docker_host::ShellSyntax, paths::PathName},
    output::Format,
};

pub use self::{
    containers::{
        EventsArgs, InspectArgs, Inspected, KillArgs, PsArgs, RmArgs, StatsArgs, StopContainersArgs,
    },
    images::{ImagesArgs, PullArgs},
    logs::{LogName, LogsArgs, Source, Tail},
    ports::{LivePort, PortAction, PortAddArgs, PortArgs, PortMoveArgs, PortOf, PortRmArgs, PortsArgs},
    run::{AttachArgs, ExecArgs, HealthArgs, IsolationArgs, LimitArgs, NetworkArgs, Pull, RunArgs},
    shares::{ShareAction, ShareAddArgs, ShareArgs, ShareRmArgs},
};

/// Containers on the desktop: a light Linux machine that runs a native container engine.
#[derive(Debug, Parser)]
#[command(
    name = "pinnace",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(after_help = "\
Data goes to stdout; progress, warnings and errors go to stderr.

Exit codes: 0 done, 1 failed, 2 wrong command line, 3 not running, 4 timed out,
            5 this host cannot run machines, 130 ended by Ctrl+C;
            run, exec: the container's or the command's own, 125 the engine failed,
            126 the command cannot be run, 127 there is no such command

Environment:
  PINNACE_HOME      keep everything below this folder
  PINNACE_VM_IMAGE  use the VM image in this folder
  NO_COLOR          no colours")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the machine and wait until the engine answers.
    ///
    /// Does nothing when it runs already. Ctrl+C ends the waiting; the machine goes on starting.
    Start(StartArgs),
    /// Stop containers, or all of them with engine and machine.
    ///
    /// Without containers and --all it stops the machine. A container that does not stop in time is killed, and that is
    /// said. Does nothing to what is stopped already. Ctrl+C ends the waiting; what is stopping goes on stopping.
    Stop(StopArgs),
    /// Stop the machine if it runs, and start it.
    Restart(StartArgs),
    /// Halt the machine's CPUs. Containers stand still and keep their memory.
    Pause(FormatArgs),
    /// Let a paused machine go on.
    Resume(FormatArgs),
    /// Show machine, engine and endpoint.
    ///
    /// Exits with 0 while the engine can be used (running, degraded), with 3 otherwise; the state is printed either
    /// way. Never starts anything.
    Status(FormatArgs),
    /// Run a container and stop it when this command ends, however it ends.
    ///
    /// Starts the machine if it does not run, and pulls the image if it is missing. Ctrl+C interrupts the container; if
    /// it still runs ten seconds later it is stopped. A second Ctrl+C stops it at once, a third kills it. With a
    /// terminal Ctrl+C is a key for the container, and Ctrl+P Ctrl+Q leave it running.
    #[command(override_usage = "pinnace run [OPTIONS] IMAGE [COMMAND] [ARG]...")]
    Run(Box<RunArgs>),
    /// Run a command in a running container and end it when this command ends.
    #[command(override_usage = "pinnace exec [OPTIONS] CONTAINER COMMAND [ARG]...")]
    Exec(ExecArgs),
    /// Attach to a running container.
    ///
    /// Ctrl+C goes to the container; it runs on when this command ends otherwise.
    Attach(AttachArgs),
    /// List containers.
    ///
    /// STOP tells which of them ignore Ctrl+C or a stop, and what helps.
    Ps(PsArgs),
    /// List the ports of containers on this host.
    ///
    /// What is bound, where it leads, and for what is not open why not and what to do.
    Ports(PortsArgs),
    /// Show the ports of one container, or open, move and close them while it runs.
    #[command(override_usage = "pinnace port CONTAINER [PORT[/PROTOCOL]]
       pinnace port add CONTAINER PORTS...
       pinnace port move CONTAINER FROM TO
       pinnace port rm CONTAINER PORT")]
    Port(PortArgs),
    /// List the folders of this host that containers can mount, and share more.
    ///
    /// Where each is in the machine, whether changes on this host are pushed there, and why one is not there.
    Share(ShareArgs),
    /// Send a signal to containers: SIGKILL when none is named.
    Kill(KillArgs),
    /// Remove containers.
    Rm(RmArgs),
    /// Print the log of a container, or one of Pinnace's own.
    Logs(LogsArgs),
    /// Show what containers use: processors, memory, network and disks.
    Stats(StatsArgs),
    /// Print everything about containers or images.
    Inspect(InspectArgs),
    /// List images.
    Images(ImagesArgs),
    /// Fetch an image from its registry.
    Pull(PullArgs),
    /// Print what happens in the engine, until Ctrl+C.
    Events(EventsArgs),
    /// Open a shell in the machine, or run a command there.
    ///
    /// Has a terminal when stdin and stdout are terminals; otherwise both are plain pipes. Exits with the command's
    /// exit code.
    Shell(ShellArgs),
    /// Print the folders and sockets that are used.
    Paths(PathsArgs),
    /// Check this host and this installation.
    ///
    /// Exits with 1 if a check fails; warnings do not count. Needs nothing to run.
    Doctor(FormatArgs),
    /// Delete the data disk: every container, image and volume.
    ///
    /// Shows what goes and asks first on a terminal; elsewhere --yes is needed.
    Reset(ResetArgs),
    /// Print the versions of all parts.
    Version(FormatArgs),
    /// Print a completion script.
    Completion {
        /// For which shell.
        shell: Shell,
    },
    /// Print the DOCKER_HOST value that reaches the engine.
    DockerHost(DockerHostArgs),
    /// Say why a container stopped.
    ///
    /// Answers in one sentence from what was recorded, also for containers that were removed and while the machine is
    /// stopped.
    Why(WhyArgs),
    /// Show or choose the context of the docker CLI.
    Context {
        /// What to do with it.
        #[command(subcommand)]
        action: ContextAction,
    },
    /// Start, run or end the host agent, the process that owns the machine.
    ///
    /// Other commands start it when they need it.
    Daemon(DaemonArgs),
}

/// How data is printed.
#[derive(Debug, Args)]
pub struct FormatArgs {
    /// How to print data.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// Arguments of `start` and `restart`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// Give up waiting after this long: seconds, or with a unit as in 500ms, 90s, 5m.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "no_wait")]
    pub timeout: Option<Duration>,
    /// Do not wait until the engine answers.
    #[arg(long)]
    pub no_wait: bool,
    /// How to print the status at the end: json; nothing is printed otherwise.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `stop`.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Pull the plug: containers and engine are not stopped first.
    #[arg(long, conflicts_with = "grace")]
    pub force: bool,
    /// How long containers may take before they are killed: seconds, or with a unit.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub grace: Option<Duration>,
    /// Containers instead of the machine.
    #[command(flatten)]
    pub which: StopContainersArgs,
    /// How to print the status, or what was stopped, at the end.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `shell`.
#[derive(Debug, Args)]
pub struct ShellArgs {
    /// Use plain pipes even on a terminal.
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// Program and arguments; a login shell when absent.
    #[arg(last = true, value_name = "CMD")]
    pub argv: Vec<OsString>,
}

/// Arguments of `paths`.
#[derive(Debug, Args)]
pub struct PathsArgs {
    /// Print only this one.
    #[arg(value_enum)]
    pub name: Option<PathName>,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `reset`.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// Also delete settings and logs.
    #[arg(long)]
    pub factory: bool,
    /// Only show what would go.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `docker-host`.
#[derive(Debug, Args)]
pub struct DockerHostArgs {
    /// Print a command that sets it, for `eval`.
    #[arg(long, value_enum, value_name = "SHELL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = ShellSyntax::USUAL_NAME, conflicts_with = "format")]
    pub shell: Option<ShellSyntax>,
    /// How to print data.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// Name, id, or the beginning of an id.
    #[arg(value_name = "CONTAINER")]
    pub container: String,
    /// Print what the answer was concluded from, too.
    #[arg(long)]
    pub evidence: bool,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// What to do with the context.
#[derive(Debug, Subcommand)]
pub enum ContextAction {
    /// Show the context and which endpoint a plain `docker` uses.
    Show(FormatArgs),
    /// Make it the docker CLI's current context.
    Use,
}

/// Arguments of `daemon`.
#[derive(Debug, Args)]
pub struct DaemonArgs {
    /// Become the host agent instead of starting it in the background: for service managers.
    #[arg(long)]
    pub foreground: bool,
    /// Stop the machine and end the host agent.
    #[arg(long, conflicts_with = "foreground")]
    pub stop: bool,
}

/// Reads whole seconds, -1 for no limit.
fn parse_stop_timeout(text: &str) -> Result<i64, String> {
    match text.parse() {
        Ok(seconds) if (-1..=31_536_000).contains(&seconds) => Ok(seconds),
        _ => Err("give whole seconds up to a year, or -1 for no limit".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, error::ErrorKind};

    use super::*;

    #[test]
    fn command_line_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn contradicting_arguments_are_usage_errors() {
        let check = |arguments: &[&str]| {
            let error = Cli::try_parse_from(["pinnace"].iter().chain(arguments)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
            error.kind()
        };
        check(&["start", "--no-wait", "--timeout", "5"]);
        check(&["stop", "--force", "--grace", "5"]);
        check(&["daemon", "--stop", "--foreground"]);
        check(&["shell", "ls"]);
        assert_eq!(check(&["start", "--timeout", "soon"]), ErrorKind::ValueValidation);
        check(&["stop", "web", "--force"]);
        check(&["stop", "web", "--grace", "5"]);
        check(&["stop", "web", "--all"]);
        check(&["stop", "--all", "--force"]);
        check(&["stop", "-t", "5"]);
        check(&["stop", "web", "-t", "-2"]);
        check(&["kill"]);
        check(&["rm", "-f"]);
        check(&["ps", "-q", "--format", "json"]);
        check(&["ps", "--filter", "web"]);
        check(&["pull", "Alpine"]);
        check(&["port"]);
        check(&["port", "add", "web"]);
        check(&["port", "rm", "web", "8080:80"]);
        check(&["port", "add", "web", "80/sctp"]);
        check(&["share", "add"]);
        check(&["share", "add", ""]);
        check(&["share", "rm", "a", "b"]);
        check(&["share", "--format", "json", "ls"]);
        check(&["logs", "web", "--container", "web"]);
        assert_eq!(check(&["logs", "web", "--tail", "x"]), ErrorKind::ValueValidation);
    }

    #[test]
    fn shell_words_after_the_dashes_are_the_command() {
        let Command::Shell(shell) =
            Cli::parse_from(["pinnace", "shell", "--", "ls", "-l", "--", "x"]).command
        else {
            panic!("another command");
        };
        assert_eq!(shell.argv, ["ls", "-l", "--", "x"]);
    }
}
