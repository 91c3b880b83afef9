//! One file per command; this one only tells them apart.

pub mod attach;
pub mod completion;
pub mod context;
pub mod daemon;
pub mod docker_host;
pub mod events;
pub mod exec;
pub mod images;
pub mod inspect;
pub mod kill;
pub mod logs;
pub mod paths;
pub mod pause;
pub mod port;
pub mod ports;
pub mod ps;
pub mod pull;
pub mod reset;
pub mod restart;
pub mod resume;
pub mod rm;
pub mod run_container;
pub mod share;
pub mod shell;
pub mod start;
pub mod stats;
pub mod status;
pub mod stop;
pub mod version;
pub mod why;

use tokio::runtime::Runtime;

use crate::{
    args::Command,
    doctor,
    failure::{Exit, Failure},
    output,
};

/// What a command comes to.
pub type Outcome = Result<Exit, Failure>;

/// Runs a command to its end, or until Ctrl+C.
pub fn run(command: Command) -> Outcome {
    // Replaces this process, so there must be no threads yet.
    if let Command::Daemon(args) = &command
        && args.foreground
    {
        return daemon::foreground();
    }
    let runtime = Runtime::new().map_err(|error| Failure::caused("failed to start the runtime", &error))?;
    let interrupted = interrupted_message(&command);
    let takes_ctrl_c = takes_ctrl_c(&command);
    let outcome = runtime.block_on(async {
        tokio::select! {
            // First, so that it is listened for before the command shows anything.
            biased;
            Ok(()) = tokio::signal::ctrl_c(), if !takes_ctrl_c => {
                if let Some(message) = interrupted {
                    output::note(message);
                }
                Ok(Exit::Interrupted)
            }
            outcome = dispatch(command) => outcome,
        }
    });
    runtime.shutdown_background();
    outcome
}

async fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Start(args) => start::run(args).await,
        Command::Stop(args) => stop::run(args).await,
        Command::Restart(args) => restart::run(args).await,
        Command::Pause(args) => pause::run(args).await,
        Command::Resume(args) => resume::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Run(args) => run_container::run(*args).await,
        Command::Exec(args) => exec::run(args).await,
        Command::Attach(args) => attach::run(args).await,
        Command::Ps(args) => ps::run(args).await,
        Command::Ports(args) => ports::run(args).await,
        Command::Port(args) => port::run(args).await,
        Command::Share(args) => share::run(args).await,
        Command::Kill(args) => kill::run(args).await,
        Command::Rm(args) => rm::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Stats(args) => stats::run(args).await,
        Command::Inspect(args) => inspect::run(args).await,
        Command::Images(args) => images::run(args).await,
        Command::Pull(args) => pull::run(args).await,
        Command::Events(args) => events::run(args).await,
        Command::Shell(args) => shell::run(args).await,
        Command::Paths(args) => paths::run(&args),
        Command::Doctor(args) => doctor::run(args).await,
        Command::Reset(args) => reset::run(args).await,
        Command::Version(args) => version::run(args).await,
        Command::Why(args) => why::run(args).await,
        Command::Completion { shell } => completion::run(shell),
        Command::DockerHost(args) => docker_host::run(&args),
        Command::Context { action } => context::run(&action),
        Command::Daemon(args) => daemon::run(args).await,
    }
}

/// Whether Ctrl+C is for what the command runs, and not for the command.
fn takes_ctrl_c(command: &Command) -> bool {
    matches!(command, Command::Run(_) | Command::Exec(_) | Command::Attach(_))
}

/// What Ctrl+C leaves going on, and how to end that too.
fn interrupted_message(command: &Command) -> Option<&'static str> {
    match command {
        Command::Start(_) => {
            Some("no longer waiting; the machine goes on starting\nhint: stop it with `pinnace stop`")
        }
        Command::Restart(_) => {
            Some("no longer waiting; the machine goes on restarting\nhint: stop it with `pinnace stop`")
        }
        Command::Stop(args) if args.which.any() => Some(
            "no longer waiting; the engine goes on stopping what it was asked to\nhint: `pinnace kill` ends a container at once, `pinnace ps` shows what runs",
        ),
        Command::Stop(_) => Some(
            "no longer waiting; the machine goes on stopping\nhint: `pinnace stop --force` pulls the plug, `pinnace status` shows how far it is",
        ),
        _ => None,
    }
}
