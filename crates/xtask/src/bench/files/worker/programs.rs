//! Rows that programs are run for: git, find, tar and rm, as this host has them.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// The programs, which the bundle takes along.
pub const NAMES: [&str; 4] = ["git", "find", "tar", "rm"];

/// git with nobody's settings, in a folder that may seem to be somebody else's.
pub fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder);
    git.env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", "/");
    for setting in [
        "safe.directory=*",
        "user.name=bench",
        "user.email=bench@localhost",
        "gc.auto=0",
        "maintenance.auto=false",
        "core.looseCompression=0",
        "init.defaultBranch=main",
    ] {
        git.args(["-c", setting]);
    }
    git
}

pub fn status(folder: &Path) -> Result<()> {
    let shown = shell::output(git(folder).args(["status", "--porcelain"]))?;
    let shown = String::from_utf8_lossy(&shown);
    let first = shown.lines().next();
    ensure!(
        first.is_none(),
        "git sees a change: {}",
        first.unwrap_or_default()
    );
    Ok(())
}

pub fn find(folder: &Path, count: u64) -> Result<()> {
    let shown = shell::output(Command::new("find").arg(folder).args(["-type", "f"]))?;
    let found = shown.iter().filter(|byte| **byte == b'\n').count() as u64;
    ensure!(found == count, "find found {found} of {count} files");
    Ok(())
}

pub fn unpack(root: &Path, archive: &str, folder: &str) -> Result<()> {
    let folder = root.join(folder);
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(root.join(archive)).arg("-C").arg(&folder);
    shell::output(&mut tar).map(drop)
}

pub fn remove(root: &Path, folder: &str) -> Result<()> {
    let folder = root.join(folder);
    shell::output(Command::new("rm").arg("-rf").arg(&folder))?;
    ensure!(!folder.exists(), "{} is still there", folder.display());
    Ok(())
}
