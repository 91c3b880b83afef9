//! All automation of this workspace: if a shell script seems needed, it is a task here instead.
//!
//! Each task is one module with its arguments and a `run`; this file is only the list.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod bench;
mod check_cross;
mod cross_toolchain;
mod deps;
mod dist;
mod e2e;
mod fuzz;
mod image;
mod programs;
mod run;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Automation for Pinnace's developers")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// From a fresh clone to a running container
    Run(run::RunArgs),
    /// Installs what is missing and runs every test
    Test(test::TestArgs),
    /// Builds the VM image
    Image(image::ImageArgs),
    /// Runs the end-to-end cases
    E2e(e2e::E2eArgs),
    /// Runs every fuzz target for a while
    Fuzz(fuzz::FuzzArgs),
    /// Measures and prints a table
    Bench(bench::BenchArgs),
    /// Answers requests in a container of `bench ports`
    #[command(hide = true)]
    BenchServer(bench::ServerArgs),
    /// Carries out orders of `bench files`
    #[command(hide = true)]
    BenchWorker(bench::WorkerArgs),
    /// Type-checks the host crates for Windows and macOS
    CheckCross(check_cross::CheckCrossArgs),
    /// Checks the house rules
    Tidy(tidy::TidyArgs),
    /// Builds programs for distribution
    Dist(dist::DistArgs),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Run(args) => run::run(args),
        Task::Test(args) => test::run(args),
        Task::Image(args) => image::run(args),
        Task::E2e(args) => e2e::run(args),
        Task::Fuzz(args) => fuzz::run(args),
        Task::Bench(args) => bench::run(args),
        Task::BenchServer(args) => bench::serve(args),
        Task::BenchWorker(args) => bench::work(args),
        Task::CheckCross(args) => check_cross::run(args),
        Task::Tidy(args) => tidy::run(args),
        Task::Dist(args) => dist::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
