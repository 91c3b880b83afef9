//! Builds the programs that users get, for this machine or for Windows, into `<target>/dist/<system>/`.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context, Result};

use crate::{
    check_cross, cross_toolchain,
    deps::{self, Need},
    shell,
};

/// What linking for Windows needs beside cargo.
pub const PACKAGES: &[Need] = &[Need {
    probe: "x86_64-w64-mingw32-gcc",
    package: "gcc-mingw-w64-x86-64",
    why: "links the programs for Windows",
}];

/// The packages whose programs are shipped, and the programs' names.
const PROGRAMS: &[(&str, &str)] = &[
    ("pinnace-cli", "pinnace"),
    ("pinnace-host-agent", "pinnace-host-agent"),
];

/// The one system that can be linked for from here. Apple's needs Apple's SDK.
const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// Arguments.
#[derive(clap::Args, Default)]
pub struct DistArgs {
    /// Another system than this machine's
    #[arg(long, value_parser = [WINDOWS])]
    target: Option<String>,
    /// Installs missing packages without asking
    #[arg(long)]
    yes: bool,
}

pub fn run(args: DistArgs) -> Result<()> {
    let start = Instant::now();
    let (mut build, products, suffix) = match &args.target {
        None => (shell::cargo(), shell::target_dir().join("release"), ""),
        Some(target) => {
            deps::ensure(&[check_cross::PACKAGES, PACKAGES], args.yes)?;
            let toolchain = cross_toolchain::prepare()?;
            let build = check_cross::cargo(&toolchain, "build", target);
            (
                build,
                check_cross::target_dir().join(target).join("release"),
                ".exe",
            )
        }
    };
    if args.target.is_none() {
        build.arg("build");
    }
    build.arg("--release");
    for (package, _) in PROGRAMS {
        build.args(["--package", package]);
    }
    shell::run(&mut build).context("the programs do not build")?;

    let dist = shell::target_dir()
        .join("dist")
        .join(args.target.as_deref().unwrap_or("native"));
    fs::create_dir_all(&dist).with_context(|| format!("failed to create {}", dist.display()))?;
    for (_, program) in PROGRAMS {
        let name = format!("{program}{suffix}");
        ship(&products.join(&name), &dist.join(&name))?;
    }
    println!("built in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn ship(product: &Path, shipped: &Path) -> Result<()> {
    let bytes = fs::copy(product, shipped)
        .with_context(|| format!("failed to copy {} to {}", product.display(), shipped.display()))?;
    println!("{}  {:.1} MB", shipped.display(), bytes as f64 / 1e6);
    Ok(())
}
