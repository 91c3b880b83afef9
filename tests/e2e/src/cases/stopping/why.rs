//! "Why did it stop?", answered in one sentence.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::done_when::{sleeping, wait_stopped};
use crate::{DriverKind, IMAGE, Machine, pty::CTRL_C, until};

/// What happened, until it is written down.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

pub fn why_names_the_reason(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let client = sleeping(machine, "pressed", &[])?;
    client.type_keys(CTRL_C)?;
    wait_stopped(machine, "pressed")?;
    answers(machine, "pressed", &["ctrl+c"])?;

    let client = sleeping(machine, "orphaned", &[])?;
    client.signal(Signal::KILL)?;
    wait_stopped(machine, "orphaned")?;
    answers(machine, "orphaned", &["client"])?;

    docker
        .run(["run", "--name", "itself", IMAGE, "sh", "-c", "exit 3"])
        .run()?
        .code(3)?;
    answers(machine, "itself", &["3"])?;

    docker
        .run(["run", "-d", "--init", "--name", "asked", IMAGE, "sleep", "1000"])
        .text()?;
    docker.run(["stop", "asked"]).text()?;
    answers(machine, "asked", &["was stopped"])?;
    answers_after_removal(machine)?;
    for name in ["pressed", "orphaned", "itself", "asked"] {
        docker.remove(name)?;
    }
    machine
        .pinnace
        .run(["why", "no-such-container"])
        .run()?
        .fails_naming(&["no-such-container"])?;
    Ok(())
}

/// The engine of a machine without a VM does not hear of it where this host has control groups of version 1.
pub fn want_of_memory_is_named(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let run = [
        "run",
        "--name",
        "greedy",
        "--memory",
        "16m",
        IMAGE,
        "tail",
        "/dev/zero",
    ];
    docker.run(run).run()?.code(137)?;
    let heard = docker
        .run(["inspect", "--format", "{{.State.OOMKilled}}", "greedy"])
        .text()?
        == "true";
    ensure!(
        heard || machine.driver == DriverKind::Fake,
        "the engine did not hear of it"
    );
    let words: &[&str] = if heard { &["memory", "16 mib"] } else { &["killed"] };
    answers(machine, "greedy", words)?;
    docker.remove("greedy")
}

/// What was recorded outlives the container.
fn answers_after_removal(machine: &Machine) -> Result<()> {
    machine
        .docker
        .run(["run", "--rm", "--name", "removed", IMAGE, "sh", "-c", "exit 4"])
        .run()?
        .code(4)?;
    answers(machine, "removed", &["4"])
}

/// Asks until the answer names the words: what the engine tells, it tells a moment later.
fn answers(machine: &Machine, container: &str, words: &[&str]) -> Result<()> {
    let mut said = String::new();
    let named = until("an answer", TOLD_WITHIN, || {
        said = machine.pinnace.run(["why", container]).text()?;
        let sentence = said.lines().next().unwrap_or_default().to_lowercase();
        Ok(words.iter().all(|word| sentence.contains(word)))
    });
    named.with_context(|| format!("{container}: not all of {words:?} are in: {said}"))
}
