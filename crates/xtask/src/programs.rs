//! Builds the programs that a machine needs on this host, and starts them.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::shell;

/// Builds `pinnace` and `pinnace-host-agent` for this host.
pub fn build() -> Result<()> {
    shell::run(shell::cargo().args([
        "build",
        "--package",
        "pinnace-cli",
        "--package",
        "pinnace-host-agent",
    ]))
}

/// The folder that holds them.
pub fn dir() -> PathBuf {
    shell::target_dir().join("debug")
}

/// A command of `pinnace`.
pub fn pinnace() -> Command {
    shell::command(dir().join("pinnace"))
}

/// Builds them as they ship, for measuring.
pub fn build_release() -> Result<()> {
    shell::run(shell::cargo().args([
        "build",
        "--release",
        "--package",
        "pinnace-cli",
        "--package",
        "pinnace-host-agent",
    ]))
}

/// The folder that holds what [`build_release`] made.
pub fn release_dir() -> PathBuf {
    shell::target_dir().join("release")
}
