//! `docker run -p` and what follows from it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use api::{ForwardOrigin, ForwardState};

use super::{
    container::{Container, WEB},
    place, probe,
};
use crate::{IMAGE, Machine, until};

const RANGE: u16 = 1_000;
/// The container's first port of the range.
const RANGE_INSIDE: u16 = 1_000;

pub fn answers_at_once_and_is_free_afterwards(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let port = place::free_port()?;
    let container = Container::run(machine, "web", &["-p", &format!("{port}:80")], WEB)?;
    for ip in place::localhosts() {
        ensure!(
            probe::is_open(ip, port),
            "right after `docker run` {ip} takes no connection"
        );
    }
    probe::wait_served_locally(machine, port)?;
    let told = probe::wait_state(machine, port, ForwardState::Open)?;
    ensure!(
        told.len() == place::localhosts().len()
            && told
                .iter()
                .all(|forward| forward.origin == ForwardOrigin::Published),
        "{told:?}"
    );
    // Whose it is follows from the engine's event, a moment after the port is open.
    until("the container of the port", machine.driver.patience(), || {
        let told = probe::forwards_at(machine, port)?;
        Ok(told
            .iter()
            .all(|forward| forward.container.as_deref() == Some("web")))
    })?;
    let shown = machine.pinnace.run(["ports", "web"]).text()?;
    ensure!(shown.contains(&format!("localhost:{port}")), "{shown}");
    docker.run(["stop", "web"]).text()?;
    probe::wait_free(machine, port)?;
    docker.run(["start", "web"]).text()?;
    probe::wait_served_locally(machine, port)?;
    container.remove()?;
    probe::wait_free(machine, port)?;
    ensure!(probe::forwards_at(machine, port)?.is_empty());
    Ok(())
}

pub fn privileged_port(machine: &Machine) -> Result<()> {
    let port = place::free_privileged_port()?;
    let _web = Container::run(machine, "privileged", &["-p", &format!("{port}:80")], WEB)?;
    probe::wait_served_locally(machine, port)
}

pub fn all_exposed_ports(machine: &Machine) -> Result<()> {
    let _web = Container::run(machine, "exposed", &["--expose", "80", "-P"], WEB)?;
    let told = machine.docker.run(["port", "exposed", "80"]).text()?;
    let addresses: Vec<SocketAddr> = told
        .lines()
        .map(|line| line.parse().with_context(|| format!("no address: {line}")))
        .collect::<Result<_>>()?;
    ensure!(!addresses.is_empty(), "docker tells {told}");
    for address in addresses {
        ensure!(address.ip().is_loopback(), "{address} is open to others");
        probe::wait_served(machine, address.ip(), address.port())?;
    }
    Ok(())
}

pub fn thousand_ports(machine: &Machine) -> Result<()> {
    let first = place::free_ports(RANGE)?;
    let last = first + RANGE - 1;
    let inside_last = RANGE_INSIDE + RANGE - 1;
    // One family is enough: dockerd takes its time over each port.
    let range = format!("127.0.0.1:{first}-{last}:{RANGE_INSIDE}-{inside_last}");
    let localhost = IpAddr::from(Ipv4Addr::LOCALHOST);
    let serve = format!(
        "mkdir -p /tmp/w; echo served >/tmp/w/index.html; httpd -p {RANGE_INSIDE} -h /tmp/w; exec httpd -f -p {inside_last} -h /tmp/w"
    );
    let container = Container::run(machine, "range", &["-p", &range], &serve)?;
    for port in first..=last {
        ensure!(probe::is_open(localhost, port), "port {port} is closed");
    }
    probe::wait_served(machine, localhost, first)?;
    probe::wait_served(machine, localhost, last)?;
    let wanted = usize::from(RANGE);
    until("every port being told as open", machine.driver.patience(), || {
        let told = probe::forwards(machine)?;
        let open = told.iter().filter(|forward| {
            forward.container.as_deref() == Some("range") && forward.state == ForwardState::Open
        });
        Ok(open.count() == wanted)
    })?;
    container.remove()?;
    probe::wait_free(machine, last)?;
    for port in first..=last {
        probe::wait_free(machine, port)?;
    }
    // Nothing of it stays in the way of another container.
    let text = machine
        .docker
        .run(["run", "--rm", "-p", &format!("{first}:80"), IMAGE, "echo", "hi"])
        .text()?;
    ensure!(text == "hi");
    ensure!(!probe::is_open(localhost, first));
    Ok(())
}
