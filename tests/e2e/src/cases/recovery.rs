//! One process dies; the next start, or the policy, brings everything back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use api::{EngineState, MachineState};

use crate::{Case, DriverKind, IMAGE, Machine, kill_now, until};

pub const CASES: &[Case] = &[
    Case {
        name: "kill_of_dockerd_keeps_containers_and_gets_ready_again",
        run: kill_of_dockerd_keeps_containers,
    },
    Case {
        name: "kill_of_the_machine_is_named_and_restarted_by_policy",
        run: kill_of_the_machine_is_restarted,
    },
    Case {
        name: "kill_of_the_host_agent_never_doubles_the_machine",
        run: kill_of_the_host_agent,
    },
];

/// Kills dockerd and waits until another one answers.
pub fn kill_dockerd(machine: &Machine) -> Result<()> {
    let dockerd = machine.pinnace.shell_text("pidof dockerd")?;
    machine.pinnace.shell_text("kill -KILL $(pidof dockerd)")?;
    until("another dockerd", machine.driver.patience(), || {
        let found = machine
            .pinnace
            .run(["shell", "--no-tty", "--", "pidof", "dockerd"])
            .run()?;
        Ok(found.status.success() && found.text() != dockerd)
    })?;
    machine.wait_status("a ready engine", |status| {
        status.engine.state == EngineState::Ready
    })?;
    machine.docker.wait_ready(machine.driver.patience())
}

fn kill_of_dockerd_keeps_containers(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["run", "-d", "--init", "--name", "lives", IMAGE, "sleep", "1000"])
        .text()?;
    let started = ["inspect", "--format", "{{.State.StartedAt}}", "lives"];
    let before = docker.run(started).text()?;
    kill_dockerd(machine)?;
    let state = docker.assert_state("lives", "running");
    let after = docker.run(started).text();
    docker.remove("lives")?;
    state?;
    ensure!(before == after?, "the container was started anew");
    Ok(())
}

fn kill_of_the_machine_is_restarted(machine: &Machine) -> Result<()> {
    let pid = machine
        .pinnace
        .status()?
        .machine
        .pid
        .context("no process of the machine")?;
    let killed = Instant::now();
    kill_now(pid)?;
    let status = machine.wait_status("a notice of the machine's end", |status| {
        status.machine.pid != Some(pid)
    })?;
    machine.home.journal().note(format!(
        "noticed within {:?}: {:?}",
        killed.elapsed(),
        status.machine
    ));
    let status = machine.wait_status("a restart by policy", |status| {
        status.machine.state == MachineState::Running && status.engine.state == EngineState::Ready
    })?;
    ensure!(status.machine.pid != Some(pid));
    assert_one_machine(machine)?;
    let log = machine
        .pinnace
        .run(["logs", "host-agent", "--tail", "400"])
        .text()?;
    ensure!(
        log.contains(&pid.to_string()) || log.to_lowercase().contains("kill"),
        "the log names no end: {log}"
    );
    ensure!(machine.docker.run_text(&["echo", "back"])? == "back");
    Ok(())
}

fn kill_of_the_host_agent(machine: &Machine) -> Result<()> {
    for _ in 0..3 {
        let status = machine.pinnace.status()?;
        kill_now(status.host_agent.pid)?;
        let old = status.machine.pid;
        machine.start()?;
        let new = machine.pinnace.status()?.machine.pid;
        machine
            .home
            .journal()
            .note(format!("machine's process: {old:?} before, {new:?} after"));
        assert_one_machine(machine)?;
        ensure!(machine.docker.run_text(&["echo", "back"])? == "back");
    }
    Ok(())
}

/// A dockerd that is stopped in its tracks lives and answers nothing.
pub fn hung_dockerd_is_restarted(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["run", "-d", "--init", "--name", "lives", IMAGE, "sleep", "1000"])
        .text()?;
    let dockerd = machine.pinnace.shell_text("pidof dockerd")?;
    machine.pinnace.shell_text("kill -STOP $(pidof dockerd)")?;
    machine.wait_status("a notice of the silence", |status| {
        status.engine.state == EngineState::Unhealthy
    })?;
    // Once a minute has passed, and then the time that a dockerd is given to end by itself.
    machine.wait_status("a ready engine", |status| {
        status.engine.state == EngineState::Ready
    })?;
    docker.wait_ready(machine.driver.patience())?;
    ensure!(
        machine.pinnace.shell_text("pidof dockerd")? != dockerd,
        "the same dockerd"
    );
    let state = docker.assert_state("lives", "running");
    docker.remove("lives")?;
    state
}

/// Fails unless exactly one VM, or one set of namespaces, belongs to the home. One that is dying is waited for.
pub fn assert_one_machine(machine: &Machine) -> Result<()> {
    let program = match machine.driver {
        DriverKind::Fake => "unshare",
        DriverKind::Qemu => "qemu-system-",
    };
    let of_machine = || -> Vec<_> {
        let is_one = |line: &String| line.split(' ').next().is_some_and(|name| name.contains(program));
        machine
            .home
            .processes()
            .into_iter()
            .filter(|(_, line)| is_one(line))
            .collect()
    };
    let one = until("exactly one machine", Duration::from_secs(30), || {
        Ok(of_machine().len() == 1)
    });
    one.with_context(|| format!("machines: {:?}", of_machine()))
}
