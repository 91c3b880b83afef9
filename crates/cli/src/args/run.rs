//! Arguments of `run`, `exec` and `attach`.

mod health;
mod isolation;
mod limits;
mod networking;

use std::path::PathBuf;

use api::PullPolicy;
use clap::Args;

pub use self::{health::HealthArgs, isolation::IsolationArgs, limits::LimitArgs, networking::NetworkArgs};
use crate::{
    container_session::{DetachKeys, parse_detach_keys},
    run_flags::{
        AttachedStream, RestartPolicy, Variable, parse_attach, parse_label, parse_restart, parse_tmpfs,
        parse_variable,
    },
};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Leave the container in the background and print its id.
    #[arg(short, long)]
    pub detach: bool,
    /// Pass on input, also when nothing is typed.
    #[arg(short, long)]
    pub interactive: bool,
    /// Be attached to these streams only: stdin, stdout, stderr.
    #[arg(short, long, value_name = "STREAM", value_parser = parse_attach, conflicts_with = "detach")]
    pub attach: Vec<AttachedStream>,
    /// Give the container a terminal.
    #[arg(short, long)]
    pub tty: bool,
    /// Remove the container when it has ended.
    #[arg(long)]
    pub rm: bool,
    /// The container's name.
    #[arg(long)]
    pub name: Option<String>,
    /// Mount a volume or a folder of the host: [SOURCE:]PATH[:OPTIONS].
    #[arg(short, long = "volume", value_name = "VOLUME")]
    pub volumes: Vec<String>,
    /// Mount something, in words: type=bind|volume|tmpfs|image,source=…,target=…[,readonly].
    #[arg(long, value_name = "MOUNT")]
    pub mount: Vec<String>,
    /// Mount the volumes of another container: CONTAINER[:ro|rw].
    #[arg(long, value_name = "CONTAINER")]
    pub volumes_from: Vec<String>,
    /// A folder in memory: PATH[:OPTIONS].
    #[arg(long, value_name = "PATH", value_parser = parse_tmpfs)]
    pub tmpfs: Vec<(String, String)>,
    /// Set a variable: NAME=VALUE, or NAME for its value here.
    #[arg(short, long, value_name = "VARIABLE", value_parser = parse_variable)]
    pub env: Vec<Variable>,
    /// Set the variables that a file lists, one per line.
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// The folder that the command runs in.
    #[arg(short, long, value_name = "FOLDER")]
    pub workdir: Option<String>,
    /// The user: NAME or ID, with :GROUP or not.
    #[arg(short, long)]
    pub user: Option<String>,
    /// The program to run instead of the image's; "" for none.
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,
    /// When to start it again: no, always, unless-stopped, on-failure[:TRIES].
    #[arg(long, value_name = "POLICY", value_parser = parse_restart)]
    pub restart: Option<RestartPolicy>,
    /// Have an init as PID 1, whatever the image runs.
    #[arg(long, conflicts_with = "no_init")]
    pub init: bool,
    /// Have no init; usually there is one, unless the image runs its own.
    #[arg(long)]
    pub no_init: bool,
    /// A label: KEY=VALUE.
    #[arg(short, long, value_name = "LABEL", value_parser = parse_label)]
    pub label: Vec<(String, String)>,
    /// Labels that a file lists, one per line.
    #[arg(long = "label-file", value_name = "FILE")]
    pub label_files: Vec<PathBuf>,
    /// What keeps its log.
    #[arg(long, value_name = "DRIVER")]
    pub log_driver: Option<String>,
    /// What that is told: NAME=VALUE.
    #[arg(long, value_name = "OPTION", value_parser = parse_label)]
    pub log_opt: Vec<(String, String)>,
    /// When to pull the image.
    #[arg(long, value_enum, default_value_t)]
    pub pull: Pull,
    /// The image's platform, as in linux/arm64.
    #[arg(long)]
    pub platform: Option<String>,
    /// The signal that stops it.
    #[arg(long, value_name = "SIGNAL")]
    pub stop_signal: Option<String>,
    /// Seconds from that signal to SIGKILL.
    #[arg(long, value_name = "SECONDS")]
    pub stop_timeout: Option<u32>,
    /// The control group that it is put below.
    #[arg(long, value_name = "GROUP")]
    pub cgroup_parent: Option<String>,
    /// What runs it, in place of the engine's usual runtime.
    #[arg(long, value_name = "RUNTIME")]
    pub runtime: Option<String>,
    /// Its networks, names and ports.
    #[command(flatten)]
    pub networking: NetworkArgs,
    /// What it may use of the machine.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// What parts it from others.
    #[command(flatten)]
    pub isolation: IsolationArgs,
    /// How the engine finds out whether it is well.
    #[command(flatten)]
    pub health: HealthArgs,
    /// How to leave it.
    #[command(flatten)]
    pub leave: LeaveArgs,
    /// The image, and the command to run instead of the image's.
    #[arg(value_name = "IMAGE", required = true, num_args = 1.., trailing_var_arg = true)]
    pub words: Vec<String>,
}

/// How a container is left.
#[derive(Debug, Args)]
pub struct LeaveArgs {
    /// The keys that leave it running, as in ctrl-x,x.
    #[arg(long, value_name = "KEYS", value_parser = parse_detach_keys)]
    pub detach_keys: Option<DetachKeys>,
    /// Whether signals go to the container; without, Ctrl+C leaves it running.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub sig_proxy: bool,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Pull {
    /// When it is not there.
    #[default]
    Missing,
    /// Every time.
    Always,
    /// Never.
    Never,
}

impl From<Pull> for PullPolicy {
    fn from(pull: Pull) -> Self {
        match pull {
            Pull::Missing => Self::Missing,
            Pull::Always => Self::Always,
            Pull::Never => Self::Never,
        }
    }
}

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Leave the command in the background.
    #[arg(short, long)]
    pub detach: bool,
    /// Pass on input, also when nothing is typed.
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the command a terminal.
    #[arg(short, long)]
    pub tty: bool,
    /// Set a variable: NAME=VALUE, or NAME for its value here.
    #[arg(short, long, value_name = "VARIABLE", value_parser = parse_variable)]
    pub env: Vec<Variable>,
    /// Set the variables that a file lists, one per line.
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// The folder that the command runs in.
    #[arg(short, long, value_name = "FOLDER")]
    pub workdir: Option<String>,
    /// The user: NAME or ID, with :GROUP or not.
    #[arg(short, long)]
    pub user: Option<String>,
    /// Give it every capability.
    #[arg(long)]
    pub privileged: bool,
    /// The keys that leave it running, as in ctrl-x,x.
    #[arg(long, value_name = "KEYS", value_parser = parse_detach_keys)]
    pub detach_keys: Option<DetachKeys>,
    /// The container, and the command with its arguments.
    #[arg(value_names = ["CONTAINER", "COMMAND"], required = true, num_args = 2.., trailing_var_arg = true)]
    pub words: Vec<String>,
}

/// Arguments of `attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// Pass on no input.
    #[arg(long)]
    pub no_stdin: bool,
    /// How to leave it.
    #[command(flatten)]
    pub leave: LeaveArgs,
    /// The container, by name or id.
    pub container: String,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn run(arguments: &[&str]) -> RunArgs {
        match Cli::parse_from(["pinnace", "run"].iter().chain(arguments)).command {
            Command::Run(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn run_everything_after_the_image_is_the_command() {
        let args = run(&[
            "-it", "--rm", "-p", "80", "alpine", "sh", "-c", "ls", "--rm", "-it", "--", "x",
        ]);
        assert!(args.interactive && args.tty && args.rm && args.leave.sig_proxy);
        assert_eq!(args.words, ["alpine", "sh", "-c", "ls", "--rm", "-it", "--", "x"]);
        let args = run(&["alpine", "--help"]);
        assert_eq!(args.words, ["alpine", "--help"]);
        assert!(!run(&["--sig-proxy=false", "alpine"]).leave.sig_proxy);
        assert!(run(&["--sig-proxy", "alpine"]).leave.sig_proxy);
    }

    #[test]
    fn run_unknown_flag_is_a_usage_error() {
        for arguments in [
            &["run", "--gpu", "all", "alpine"][..],
            &["run"],
            &["run", "--gpus", "many", "alpine"],
            &["run", "-d", "-a", "stdout", "alpine"],
            &["run", "--network-alias", "db", "alpine"],
            &["run", "--no-healthcheck", "--health-retries", "3", "alpine"],
            &["run", "--oom-score-adj", "1001", "alpine"],
            &["run", "--init", "--no-init", "alpine"],
            &["run", "-p", "x", "alpine"],
            &["run", "--detach-keys", "ctrl-", "alpine"],
            &["exec", "web"],
            &["attach"],
        ] {
            let error = Cli::try_parse_from(["pinnace"].iter().chain(arguments)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }

    #[test]
    fn exec_everything_after_the_container_is_the_command() {
        let Command::Exec(args) =
            Cli::parse_from(["pinnace", "exec", "-it", "web", "ls", "-it", "--", "x"]).command
        else {
            panic!("another command");
        };
        assert_eq!(args.words, ["web", "ls", "-it", "--", "x"]);
    }
}
