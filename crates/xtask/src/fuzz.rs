//! Runs every fuzz target for a few seconds: enough to catch a decoder that panics on plain garbage.
//!
//! The targets link libFuzzer directly, so that a stable toolchain and plain cargo can build them; a long run is the
//! same command with more time.

use std::{ffi::OsString, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};

use crate::{deps::Need, shell};

/// What building the fuzz targets needs beside cargo.
pub const PACKAGES: &[Need] = &[Need {
    probe: "c++",
    package: "g++",
    why: "compiles libFuzzer for the fuzz targets",
}];

/// Coverage instrumentation as libFuzzer wants it, without a sanitizer's runtime.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// Arguments.
#[derive(clap::Args)]
pub struct FuzzArgs {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

pub fn run(args: FuzzArgs) -> Result<()> {
    smoke(Duration::from_secs(args.seconds))
}

/// Runs each target for `time`; fails when one finds something.
pub fn smoke(time: Duration) -> Result<()> {
    let triple = host_triple()?;
    let mut build = shell::cargo();
    build
        .current_dir(folder())
        .args(["build", "--release", "--bins", "--target", &triple]);
    build.arg("--target-dir").arg(target_dir());
    // The sanitizer passes are not part of stable Rust; nothing that ships is built with this.
    shell::run(build.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", RUSTFLAGS))?;
    for target in targets()? {
        let program = target_dir().join(&triple).join("release").join(&target);
        let found = target_dir().join("found").join(&target);
        fs::create_dir_all(&found)?;
        let mut fuzz = shell::command(program);
        fuzz.arg(format!("-max_total_time={}", time.as_secs()))
            .arg("-verbosity=0");
        fuzz.arg(format!("-artifact_prefix={}/", found.display()));
        fuzz.arg(&found).arg(folder().join("corpus").join(&target));
        shell::run(&mut fuzz).with_context(|| format!("fuzz target {} found something", target.display()))?;
        println!("{}: nothing found in {} s", target.display(), time.as_secs());
    }
    Ok(())
}

fn folder() -> PathBuf {
    shell::root().join("fuzz")
}

fn target_dir() -> PathBuf {
    shell::target_dir().join("fuzz")
}

/// The names of the targets: one file each.
fn targets() -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder().join("fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(OsString::from));
        }
    }
    names.sort();
    Ok(names)
}

fn host_triple() -> Result<String> {
    let text = shell::output(shell::command("rustc").arg("-vV"))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc does not tell its host")
}
