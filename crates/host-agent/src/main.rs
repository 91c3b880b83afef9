//! The program `pinnace-host-agent`.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use host_agent::run::{LogFile, Outcome, run};
use platform::Folders;
use tracing_subscriber::{EnvFilter, fmt::writer::MakeWriterExt};

/// Owns Pinnace's machine. Started by `pinnace`, or by a service manager.
#[derive(Parser)]
#[command(name = "pinnace-host-agent", version)]
struct Arguments {
    /// Write the log to standard error too.
    #[arg(long)]
    foreground: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match serve(&arguments) {
        Ok(Outcome::Ended) => ExitCode::SUCCESS,
        Ok(Outcome::AlreadyServed { holder }) => {
            tell(&format!("the host agent already runs ({holder})"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "host agent failed");
            tell(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let folders = Folders::resolve()?;
    folders.create()?;
    let log = LogFile::open(&folders.logs);
    let filter = EnvFilter::try_from_env("PINNACE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    if arguments.foreground {
        subscriber.with_writer(log.and(std::io::stderr)).init();
    } else {
        subscriber.with_writer(log).init();
    }
    // The host agent waits most of its life; two threads are enough to never stall one client behind another.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let outcome = runtime.block_on(run(folders));
    // A hash over a slow disk must not keep the process from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}

#[expect(clippy::print_stderr, reason = "whoever started us reads the reason there")]
fn tell(message: &str) {
    eprintln!("pinnace-host-agent: {message}");
}
