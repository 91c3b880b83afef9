//! The `pinnace` program: a client of the host agent that owns nothing itself.
//!
//! ```text
//!   args ──► command/* ──► session ──► api::Client ──► host agent
//!               │             └── starts the host agent when nothing answers (start, restart, share, reset, daemon)
//!               └──► output: data on stdout, everything else on stderr
//! ```

mod args;
mod boot_progress;
mod columns;
mod command;
mod container_ports;
mod container_session;
mod docker;
mod doctor;
mod each;
mod engine;
mod failure;
mod filter;
mod forwards;
mod harmless;
mod host_agent;
mod identity;
mod moment;
mod output;
mod ports;
mod printer;
mod pull_progress;
mod quantity;
mod registry_login;
mod rows;
mod run_flags;
mod session;
mod shares;
mod stop_advice;
mod sys;

use clap::Parser as _;

use args::Cli;
use failure::Failure;

fn main() {
    let command = Cli::parse().command;
    let outcome = command::run(command);
    if let Err(failure) = &outcome {
        output::failure(failure);
    }
    let exit = match outcome {
        Ok(exit) | Err(Failure { exit, .. }) => exit,
    };
    // Not a return: a blocked read of stdin on another thread must not keep the program.
    std::process::exit(exit.code().into());
}
