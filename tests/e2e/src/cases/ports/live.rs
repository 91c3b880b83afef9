//! Ports that are opened, moved and closed while a container runs.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use api::{Forward, ForwardOrigin, ForwardState};

use super::{
    container::{Container, WEB},
    place, probe,
};
use crate::Machine;

/// A web server for the container itself.
const PRIVATE_WEB: &str =
    "mkdir -p /tmp/w; echo served >/tmp/w/index.html; exec httpd -f -p 127.0.0.1:80 -h /tmp/w";

/// `pinnace port …` to its end; what it told of ports.
fn port(machine: &Machine, args: &[&str]) -> Result<Vec<Forward>> {
    let text = machine
        .pinnace
        .run(["port"])
        .args(args)
        .args(["--format", "json"])
        .text()?;
    serde_json::from_str(&text).with_context(|| format!("ports are {text}"))
}

pub fn opened_moved_and_closed(machine: &Machine) -> Result<()> {
    let _web = Container::run(machine, "live", &[], WEB)?;
    let (first, second) = (place::free_port()?, place::free_port()?);
    let add = machine
        .pinnace
        .run(["port", "add", "live", &format!("{first}:80")])
        .run()?
        .success()?;
    ensure!(
        add.text().contains(&format!("80/tcp -> 127.0.0.1:{first}")),
        "{}",
        add.text()
    );
    ensure!(
        add.stderr
            .contains(&format!("undo: pinnace port rm live {first}")),
        "{}",
        add.stderr
    );
    probe::wait_served_locally(machine, first)?;
    probe::assert_open_only_at(&place::localhosts(), first)?;
    let told = machine.pinnace.run(["port", "live", "80"]).text()?;
    ensure!(
        told.lines().any(|line| line == format!("127.0.0.1:{first}")),
        "{told}"
    );

    port(
        machine,
        &["move", "live", &first.to_string(), &second.to_string()],
    )?;
    probe::wait_served_locally(machine, second)?;
    probe::wait_free(machine, first)?;

    let closed = port(machine, &["rm", "live", &second.to_string()])?;
    ensure!(
        !closed.is_empty() && closed.iter().all(|forward| forward.origin == ForwardOrigin::Live),
        "{closed:?}"
    );
    probe::wait_free(machine, second)?;
    ensure!(probe::forwards_at(machine, second)?.is_empty());
    machine
        .pinnace
        .run(["port", "rm", "live", &second.to_string()])
        .run()?
        .code(1)?;
    machine
        .pinnace
        .run(["port", "add", "no-such-container", "80"])
        .run()?
        .code(1)?;
    Ok(())
}

pub fn containers_localhost(machine: &Machine) -> Result<()> {
    let _web = Container::run(machine, "shy", &[], PRIVATE_WEB)?;
    // Any free port of the host.
    let opened = port(machine, &["add", "shy", "80"])?;
    for forward in &opened {
        let address: SocketAddr = forward.host.parse()?;
        ensure!(address.port() != 0 && address.ip().is_loopback(), "{forward:?}");
        ensure!(forward.target == "localhost:80", "{forward:?}");
        probe::wait_served(machine, address.ip(), address.port())?;
    }
    ensure!(opened.len() == place::localhosts().len(), "{opened:?}");
    Ok(())
}

pub fn life_of_its_container(machine: &Machine) -> Result<()> {
    let web = Container::run(machine, "lively", &[], WEB)?;
    let number = place::free_port()?;
    port(machine, &["add", "lively", &format!("{number}:80")])?;
    probe::wait_served_locally(machine, number)?;
    machine.docker.run(["restart", "lively"]).text()?;
    probe::wait_served_locally(machine, number)?;
    machine.docker.run(["stop", "lively"]).text()?;
    probe::wait_free(machine, number)?;
    machine.docker.run(["start", "lively"]).text()?;
    probe::wait_served_locally(machine, number)?;
    web.remove()?;
    probe::wait_free(machine, number)?;
    ensure!(probe::forwards_at(machine, number)?.is_empty());
    Ok(())
}

pub fn published_port_moves(machine: &Machine) -> Result<()> {
    let (first, second) = (place::free_port()?, place::free_port()?);
    let _web = Container::run(machine, "moving", &["-p", &format!("{first}:80")], WEB)?;
    probe::wait_served_locally(machine, first)?;
    port(
        machine,
        &["move", "moving", &first.to_string(), &second.to_string()],
    )?;
    probe::wait_served_locally(machine, second)?;
    probe::wait_free(machine, first)?;
    let shown = machine.pinnace.run(["ps"]).text()?;
    ensure!(shown.contains(&format!(":{second}->80/tcp")), "{shown}");
    machine.docker.run(["restart", "moving"]).text()?;
    probe::wait_served_locally(machine, second)?;
    ensure!(
        place::is_free(first),
        "after a restart the old port is bound again"
    );
    // Closed, it comes back with the next start.
    port(machine, &["rm", "moving", &second.to_string()])?;
    probe::wait_free(machine, second)?;
    machine.docker.run(["restart", "moving"]).text()?;
    let back = probe::wait_state(machine, second, ForwardState::Open)?;
    ensure!(!back.is_empty());
    probe::wait_served_locally(machine, second)
}
