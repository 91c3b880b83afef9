//! Installs what is missing and runs every test, cheapest first. This is what CI runs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{
    check_cross, deps, dist, e2e, fuzz,
    image::{self, ImageArgs},
    shell, tidy,
};

/// Arguments.
#[derive(clap::Args)]
pub struct TestArgs {
    /// Only the steps whose name contains this
    #[arg(long)]
    only: Option<String>,
}

type Step = (&'static str, fn() -> Result<()>);

/// Every step. The end-to-end step comes last, so that its summaries end the output.
const STEPS: &[Step] = &[
    ("format", format),
    ("tidy", || tidy::run(tidy::TidyArgs::default())),
    ("lints", lints),
    ("unit", unit),
    ("fuzz", || fuzz::smoke(Duration::from_secs(5))),
    ("cross", || {
        check_cross::run(check_cross::CheckCrossArgs::default())
    }),
    ("image", || {
        image::run(ImageArgs {
            check_deterministic: true,
            ..ImageArgs::default()
        })
    }),
    ("e2e", || e2e::run(e2e::E2eArgs::default())),
];

pub fn run(args: TestArgs) -> Result<()> {
    let needs = [
        deps::BUILD,
        deps::MACHINE,
        image::PACKAGES,
        check_cross::PACKAGES,
        dist::PACKAGES,
        e2e::PACKAGES,
        e2e::CARRIER_PACKAGES,
        e2e::BROWSER_PACKAGES,
        image::CROSS_PACKAGES,
        fuzz::PACKAGES,
    ];
    // Tests must run on a bare machine without a question.
    deps::ensure(&needs, true)?;
    ensure_components()?;
    let mut times = Vec::new();
    for (name, step) in STEPS
        .iter()
        .filter(|(name, _)| args.only.as_ref().is_none_or(|only| name.contains(only)))
    {
        println!("\n== {name}");
        let start = Instant::now();
        step().with_context(|| format!("step {name} failed"))?;
        times.push(format!("{name} {:.0} s", start.elapsed().as_secs_f64()));
    }
    println!("\nevery step passed: {}", times.join(", "));
    Ok(())
}

/// Adds the parts of the Rust toolchain that its minimal installation lacks.
fn ensure_components() -> Result<()> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if shell::output(shell::cargo().args([command, "--version"])).is_err() {
            println!("missing in the Rust toolchain: {component}");
            shell::run(shell::command("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

fn format() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    shell::run(shell::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))
}

fn unit() -> Result<()> {
    // A snapshot that differs fails; nothing is rewritten.
    let mut test = shell::cargo();
    test.args([
        "test",
        "--workspace",
        "--exclude",
        "pinnace-e2e",
        "--no-fail-fast",
    ])
    .env("INSTA_UPDATE", "no");
    shell::run(&mut test)
}
