//! Images of a registry that asks who pulls.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    Case, IMAGE, Invocation, Machine, Output,
    registry::{PASSWORD, REGISTRY, Registry, USER},
};

pub const CASES: &[Case] = &[Case {
    name: "pull_from_a_registry_that_asks_for_a_password",
    run: pull_with_a_password,
}];

const APP: &str = "127.0.0.1:5000/private/app:1";
/// What a registry is shown: the JSON of user, password and registry.
const SHOWN: &str = "eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoiY29ycmVjdCBob3JzZSIsInNlcnZlcmFkZHJlc3MiOiIxMjcuMC4wLjE6NTAwMCJ9";

fn pull_with_a_password(machine: &Machine) -> Result<()> {
    let registry = Registry::start(machine)?;
    let config = machine.home.docker_config().join("config.json");
    let before = fs::read(&config).ok();
    let result = pull_in_every_way(machine, &config);
    match before {
        Some(bytes) => fs::write(&config, bytes)?,
        None => drop(fs::remove_file(&config)),
    }
    forget(machine)?;
    registry.remove()?;
    result
}

fn pull_in_every_way(machine: &Machine, config: &Path) -> Result<()> {
    let docker = &machine.docker;
    let plain = fs::read(config).unwrap_or_else(|_| b"{}".to_vec());
    docker
        .run(["login", "--username", USER, "--password-stdin", REGISTRY])
        .input(PASSWORD)
        .run()?
        .success()?;
    docker.run(["tag", IMAGE, APP]).run()?.success()?;
    docker.run(["push", APP]).run()?.success()?;

    // Kept in docker's file.
    pulls_and_runs(machine, "after docker login", |run| run)?;

    // Kept nowhere.
    fs::write(config, &plain)?;
    forget(machine)?;
    let asks_to_log_in = |output: Output, code| {
        let output = output.code(code)?;
        output.fails_naming(&["docker login 127.0.0.1:5000"])
    };
    asks_to_log_in(machine.pinnace.run(["pull", APP]).run()?, 1)?;
    asks_to_log_in(machine.pinnace.run(["run", "--rm", APP, "true"]).run()?, 125)?;

    // Kept by a program.
    let mut settings: Value = serde_json::from_slice(&plain).context("docker's settings are no JSON")?;
    settings["credHelpers"] = json!({ REGISTRY: "e2e" });
    fs::write(config, settings.to_string())?;
    let programs = machine.home.path().join("helpers");
    fs::create_dir_all(&programs)?;
    let keep = |password: &str| {
        let answer = json!({"ServerURL": REGISTRY, "Username": USER, "Secret": password});
        install(
            &programs.join("docker-credential-e2e"),
            &format!("#!/bin/sh\ntest \"$1 $(cat)\" = 'get {REGISTRY}' && echo '{answer}'\n"),
        )
    };
    let path = format!(
        "{}:{}",
        programs.display(),
        std::env::var("PATH").context("there is no PATH")?
    );
    keep(PASSWORD)?;
    pulls_and_runs(machine, "with a credential helper", |run| run.env("PATH", &path))?;
    forget(machine)?;
    keep("battery staple")?;
    let pull = machine.pinnace.run(["pull", APP]).env("PATH", &path);
    asks_to_log_in(pull.run()?, 1)?;

    is_written_nowhere(machine, &[PASSWORD, SHOWN])
}

/// Pulls the image by each command that pulls.
fn pulls_and_runs(machine: &Machine, when: &str, with: impl Fn(Invocation) -> Invocation) -> Result<()> {
    forget(machine)?;
    let pulled = with(machine.pinnace.run(["pull", "--quiet", APP])).text();
    ensure!(pulled.with_context(|| format!("pull {when}"))? == APP);
    forget(machine)?;
    let ran = with(machine.pinnace.run(["run", "--rm", APP, "/bin/echo", "hi"])).text();
    ensure!(ran.with_context(|| format!("run {when}"))? == "hi");
    Ok(())
}

/// Removes the image from the engine.
fn forget(machine: &Machine) -> Result<()> {
    machine.docker.run(["image", "rm", "--force", APP]).run()?;
    Ok(())
}

/// Fails when a secret is in a log or in a record.
pub(super) fn is_written_nowhere(machine: &Machine, secrets: &[&str]) -> Result<()> {
    let mut folders = vec![
        machine.home.path().join("logs"),
        machine.home.path().join("state"),
    ];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path())?;
                let text = String::from_utf8_lossy(&bytes);
                ensure!(
                    !secrets.iter().any(|secret| text.contains(secret)),
                    "{} holds a password",
                    entry.path().display()
                );
                read += 1;
            }
        }
    }
    ensure!(read > 0, "there is no log");
    Ok(())
}

/// Writes a program.
fn install(path: &Path, text: &str) -> Result<()> {
    // In the place of the last one, which may be running.
    let fresh = path.with_extension("fresh");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o755)
        .open(&fresh)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    Ok(fs::rename(fresh, path)?)
}
