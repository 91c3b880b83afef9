//! Ports that somebody else has.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, ensure};
use api::ForwardState;

use super::{
    container::{Container, WEB},
    place, probe,
};
use crate::{IMAGE, Machine, until};

pub fn run_fails_and_names_the_owner(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let port = place::free_port()?;
    let owner = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let publish = format!("{port}:80");
    let container = Container::named(machine, "late");
    let run = [
        "run", "-d", "--init", "--name", "late", "-p", &publish, IMAGE, "sh", "-c", WEB,
    ];
    let output = docker.run(run).run()?.code(125)?;
    let own_pid = std::process::id().to_string();
    output.fails_naming(&["port is already allocated", &port.to_string(), &own_pid])?;
    docker.assert_state("late", "created")?;
    // What was bound for it at the other address is given back.
    drop(owner);
    probe::wait_free(machine, port)?;
    docker.run(["start", "late"]).text()?;
    probe::wait_served_locally(machine, port)?;
    container.remove()
}

pub fn other_container_has_it(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let publish = format!("{port}:80");
    let _first = Container::run(machine, "first", &["-p", &publish], WEB)?;
    let _second = Container::named(machine, "second");
    let run = [
        "run", "-d", "--init", "--name", "second", "-p", &publish, IMAGE, "sleep", "1000",
    ];
    machine
        .docker
        .run(run)
        .run()?
        .code(125)?
        .fails_naming(&["port is already allocated"])?;
    probe::wait_served_locally(machine, port)
}

pub fn taken_while_down(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let options = ["--restart", "always", "-p", &format!("{port}:80")];
    let _web = Container::run(machine, "patient", &options, WEB)?;
    probe::wait_served_locally(machine, port)?;
    machine.stop()?;
    probe::wait_free(machine, port)?;
    let owner = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    machine.start()?;
    // The container is not to blame.
    until(
        "the container being started again",
        machine.driver.patience(),
        || Ok(machine.docker.assert_state("patient", "running").is_ok()),
    )?;
    let mut last = Vec::new();
    let failed = until("port being told as failed", machine.driver.patience(), || {
        last = probe::forwards_at(machine, port)?;
        Ok(last.iter().any(|forward| forward.state == ForwardState::Failed))
    });
    failed.with_context(|| format!("told was {last:?}"))?;
    let reasons: Vec<&str> = last
        .iter()
        .filter(|forward| forward.state == ForwardState::Failed)
        .filter_map(|forward| forward.reason.as_deref())
        .collect();
    let own_pid = std::process::id().to_string();
    ensure!(
        reasons.iter().any(|reason| reason.contains(&own_pid)),
        "the reasons {reasons:?} do not name process {own_pid}"
    );
    let shown = machine.pinnace.run(["ports"]).text()?;
    ensure!(shown.contains("failed") && shown.contains(reasons[0]), "{shown}");
    drop(owner);
    probe::wait_state(machine, port, ForwardState::Open)?;
    probe::wait_served_locally(machine, port)
}
