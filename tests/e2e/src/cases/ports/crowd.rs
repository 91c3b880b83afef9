//! Very many connections that do nothing.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{
    HOLD, bundle,
    container::{Container, WEB},
    memory, place, probe,
};
use crate::{Machine, until};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CONNECTIONS: usize = 10_000;
/// What one may cost both agents.
const CONNECTION_KIB: u64 = 96;
const IMAGE: &str = "pinnace-e2e-holder:latest";

pub fn idle_connections(machine: &Machine) -> Result<()> {
    let own = std::env::current_exe()?;
    bundle::import(machine, IMAGE, &own)?;
    let (port, web) = (place::free_port()?, place::free_port()?);
    let program = own.to_string_lossy();
    let options = ["--ulimit", "nofile=20000:20000", "-p", &format!("{port}:7")];
    let _holder = Container::run_image(machine, "holder", &options, &[IMAGE, &program, HOLD, "7"])?;
    let _web = Container::run(machine, "web", &["-p", &format!("{web}:80")], WEB)?;
    probe::wait_served(machine, LOCALHOST, web)?;
    until("the holder answering", machine.driver.patience(), || {
        Ok(speak(&mut probe::connect(LOCALHOST, port)?).is_ok())
    })?;
    let before = memory::agents_kib(machine)?;
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let mut connection = probe::connect(LOCALHOST, port)?;
        speak(&mut connection).with_context(|| format!("connection {number} of {CONNECTIONS}"))?;
        connections.push(connection);
    }
    let grown = memory::agents_kib(machine)?.saturating_sub(before);
    let each = grown as f64 / CONNECTIONS as f64;
    machine.home.journal().note(format!(
        "{CONNECTIONS} idle connections cost both agents {grown} KiB, {each:.1} KiB each"
    ));
    probe::wait_served(machine, LOCALHOST, web).context("beside idle connections")?;
    let told: u64 = probe::forwards_at(machine, port)?
        .iter()
        .map(|forward| forward.connections)
        .sum();
    ensure!(told == CONNECTIONS as u64, "told of {told} connections");
    // None was closed meanwhile.
    for (number, connection) in connections.iter_mut().enumerate() {
        speak(connection).with_context(|| format!("connection {number} after all were made"))?;
    }
    drop(connections);
    until("the end of every connection", machine.driver.patience(), || {
        let told = probe::forwards_at(machine, port)?;
        Ok(told.iter().all(|forward| forward.connections == 0))
    })?;
    let most = CONNECTION_KIB * CONNECTIONS as u64;
    ensure!(grown < most, "both agents grew by {grown} KiB, more than {most}");
    Ok(())
}

/// A byte there and back.
fn speak(connection: &mut TcpStream) -> Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(60)))?;
    connection.write_all(b"x")?;
    connection.read_exact(&mut [0])?;
    Ok(())
}
