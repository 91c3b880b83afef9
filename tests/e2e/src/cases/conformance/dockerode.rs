//! The engine's client for Node, from its registry.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use super::transcript::{ensure_equal, settled};
use crate::{Door, IMAGE, Invocation, Machine, programs::bin_folder};

const PACKAGE: &str = "dockerode@4.0.9";
const SCRIPT: &str = include_str!("dockerode.js");
/// Some sixty small packages from a registry that may be slow.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);

pub fn has_the_same_answers(machine: &Machine) -> Result<()> {
    let folder = install(machine)?;
    let script = machine.home.path().join("dockerode.js");
    fs::write(&script, SCRIPT)?;
    let run = |door: &Door| {
        let mut node = machine.home.command(Path::new("node"));
        node.args([&script, &folder, &machine.socket_of(door)?])
            .arg(IMAGE);
        let output = Invocation::new(node, machine.home.journal().clone())
            .run()?
            .success();
        anyhow::Ok(settled(
            &output.with_context(|| format!("through {}", door.name()))?.text(),
        ))
    };
    ensure_equal(&run(&machine.dockerd_door()?)?, &run(&Door::Endpoint)?)
}

/// Installs the package once, beside the other tools of the cases; returns the folder.
fn install(machine: &Machine) -> Result<PathBuf> {
    let tools = bin_folder()?
        .parent()
        .context("the programs' folder has no parent")?
        .join("e2e-tools");
    let folder = tools.join(PACKAGE);
    let done = folder.join("installed");
    if !done.exists() {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
            "--ignore-scripts",
            PACKAGE,
        ])
        .current_dir(&folder);
        let install = Invocation::new(npm, machine.home.journal().clone()).within(INSTALL_LIMIT);
        install
            .run()
            .and_then(|output| output.success())
            .with_context(|| {
                format!("npm could not install {PACKAGE}, without which this case shows nothing")
            })?;
        fs::write(done, "")?;
    }
    Ok(folder)
}
