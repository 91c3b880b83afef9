//! Clients on the host: does a port answer, is it free, what is told of it.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use api::{Forward, ForwardState};

use super::{container::SERVED, place};
use crate::{Machine, until};

/// How long one answer is waited for. Far more than any takes.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Connects at once, or not at all.
pub fn connect(ip: IpAddr, port: u16) -> Result<TcpStream> {
    let address = SocketAddr::new(ip, port);
    let stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)
        .with_context(|| format!("failed to connect to {address}"))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    Ok(stream)
}

/// Whether somebody takes connections at an address. One that is taken and reset at once was taken, too, though a
/// connecting client may hear of nothing but the reset.
pub fn is_open(ip: IpAddr, port: u16) -> bool {
    match TcpStream::connect_timeout(&SocketAddr::new(ip, port), ANSWER_LIMIT) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// What a web server answers.
pub fn get(ip: IpAddr, port: u16) -> Result<String> {
    let mut stream = connect(ip, port)?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Waits until the container's web server answers at an address. The port takes connections before the program in the
/// container listens; those end without an answer.
pub fn wait_served(machine: &Machine, ip: IpAddr, port: u16) -> Result<()> {
    let mut last = None;
    let served = until(
        &format!("an answer at {ip} port {port}"),
        machine.driver.patience(),
        || {
            last = Some(get(ip, port));
            Ok(matches!(&last, Some(Ok(answer)) if answer.trim_end().ends_with(SERVED)))
        },
    );
    served.with_context(|| format!("the last answer was {last:?}"))
}

/// Waits until it answers at every address that `localhost` means.
pub fn wait_served_locally(machine: &Machine, port: u16) -> Result<()> {
    place::localhosts()
        .into_iter()
        .try_for_each(|ip| wait_served(machine, ip, port))
}

/// Waits until nobody has a port.
pub fn wait_free(machine: &Machine, port: u16) -> Result<()> {
    until(
        &format!("port {port} being free"),
        machine.driver.patience(),
        || Ok(place::is_free(port)),
    )
}

/// What `pinnace ports` tells.
pub fn forwards(machine: &Machine) -> Result<Vec<Forward>> {
    let text = machine
        .pinnace
        .run(["ports", "--format", "json"])
        .quietly()
        .text()?;
    serde_json::from_str(&text).with_context(|| format!("ports are {text}"))
}

/// What `pinnace ports` tells of a port of the host.
pub fn forwards_at(machine: &Machine, port: u16) -> Result<Vec<Forward>> {
    let mut found = forwards(machine)?;
    found.retain(|forward| {
        let address: Option<SocketAddr> = forward.host.parse().ok();
        address.is_some_and(|address| address.port() == port)
    });
    Ok(found)
}

/// Waits until everything told of a port of the host is in one state, and there is something.
pub fn wait_state(machine: &Machine, port: u16, state: ForwardState) -> Result<Vec<Forward>> {
    let mut last = Vec::new();
    let reached = until(
        &format!("port {port} being {state:?}"),
        machine.driver.patience(),
        || {
            last = forwards_at(machine, port)?;
            Ok(!last.is_empty() && last.iter().all(|forward| forward.state == state))
        },
    );
    reached.with_context(|| format!("the last ports were {last:?}"))?;
    Ok(last)
}

/// Fails unless a port is open at exactly these addresses of all that this host has.
pub fn assert_open_only_at(wanted: &[IpAddr], port: u16) -> Result<()> {
    let all = [place::localhosts(), place::other_addresses()].concat();
    for ip in all.iter().chain(wanted) {
        let is_wanted = wanted.contains(ip);
        ensure!(
            is_open(*ip, port) == is_wanted,
            "port {port} of {ip} is {}",
            if is_wanted { "closed" } else { "open" }
        );
    }
    Ok(())
}
