//! Type-checks the host crates for Windows and macOS on this machine.
//!
//! The standard library is checked from source with a private compiler ([`cross_toolchain`](crate::cross_toolchain)),
//! because neither system's linker nor library is needed for that. It has a target folder of its own, so that it never
//! waits for, or spoils, the products of ordinary builds.

use std::{path::PathBuf, process::Command, time::Instant};

use anyhow::{Context, Result};

use crate::{
    cross_toolchain::{self, CrossToolchain},
    deps::{self, Need},
    shell,
};

/// What the check needs beside cargo.
pub const PACKAGES: &[Need] = &[
    Need {
        probe: "x86_64-w64-mingw32-dlltool",
        package: "binutils-mingw-w64-x86-64",
        why: "makes the import libraries that a check for Windows asks for",
    },
    Need {
        probe: "dpkg-deb",
        package: "dpkg",
        why: "unpacks the compiler for other systems",
    },
];

/// The hosts beside Linux.
pub const TARGETS: &[&str] = &["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// Packages that never run on such a host.
const LINUX_ONLY: &[&str] = &["pinnace-guest-agent", "pinnace-e2e", "xtask"];

/// The standard library's parts; `panic_abort` because std names it even where panics unwind.
const BUILD_STD: &str = "-Zbuild-std=std,panic_abort";

/// Arguments.
#[derive(clap::Args, Default)]
pub struct CheckCrossArgs {
    /// Only this target; may be given several times
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    target: Vec<String>,
    /// Installs missing packages without asking
    #[arg(long)]
    yes: bool,
}

pub fn run(args: CheckCrossArgs) -> Result<()> {
    deps::ensure(&[PACKAGES], args.yes)?;
    let toolchain = cross_toolchain::prepare()?;
    let wanted = TARGETS
        .iter()
        .filter(|target| args.target.is_empty() || args.target.iter().any(|t| t == *target));
    for target in wanted {
        let start = Instant::now();
        let mut check = cargo(&toolchain, "check", target);
        // All errors of all crates at once: a round takes long enough.
        check.args(["--workspace", "--keep-going"]);
        for package in LINUX_ONLY {
            check.args(["--exclude", package]);
        }
        shell::run(&mut check).with_context(|| format!("the host crates do not compile for {target}"))?;
        println!("checked for {target} in {:.1} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// A cargo subcommand for another system, in the target folder for such.
pub fn cargo(toolchain: &CrossToolchain, subcommand: &str, target: &str) -> Command {
    let mut cargo = toolchain.cargo();
    cargo
        .args([subcommand, BUILD_STD, "--target", target])
        .arg("--target-dir")
        .arg(target_dir());
    cargo
}

/// Where products for other systems go.
pub fn target_dir() -> PathBuf {
    shell::target_dir().join("cross")
}
