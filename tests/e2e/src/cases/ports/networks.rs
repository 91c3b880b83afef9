//! Listeners that no `-p` asked for, and the way from a container to this host.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    thread,
};

use anyhow::{Context, Result, ensure};
use api::{ForwardOrigin, ForwardState};

use super::{
    container::{Container, WEB},
    place, probe,
};
use crate::{DriverKind, IMAGE, Machine, until};

pub fn host_network(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let serve = WEB.replace("-p 80", &format!("-p {port}"));
    let container = Container::run(machine, "net", &["--network", "host"], &serve)?;
    probe::wait_served_locally(machine, port)?;
    probe::assert_open_only_at(&place::localhosts(), port)?;
    let told = probe::wait_state(machine, port, ForwardState::Open)?;
    ensure!(
        told.iter()
            .all(|forward| forward.origin == ForwardOrigin::HostNetwork),
        "{told:?}"
    );
    container.remove()?;
    probe::wait_free(machine, port)?;
    until("nothing being told of it", machine.driver.patience(), || {
        Ok(probe::forwards_at(machine, port)?.is_empty())
    })
}

pub fn swarm_service(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker.run(["swarm", "init"]).run()?.success()?;
    let result = published_service(machine);
    docker.run(["swarm", "leave", "--force"]).run()?.success()?;
    result
}

fn published_service(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let port = place::free_port()?;
    // The ingress network takes IPVS of the kernel: the VM's has it, a host's need not.
    let mode = match machine.driver {
        DriverKind::Fake => "mode=host,",
        DriverKind::Qemu => "",
    };
    let publish = format!("{mode}published={port},target=80");
    let create = [
        "service",
        "create",
        "--quiet",
        "--detach",
        "--no-resolve-image",
        "--name",
        "web",
        "--publish",
        &publish,
        IMAGE,
        "sh",
        "-c",
        WEB,
    ];
    docker.run(create).run()?.success()?;
    let served = match machine.driver {
        // Its address is dockerd's own default then, and that is one of IPv4.
        DriverKind::Fake => probe::wait_served(machine, Ipv4Addr::LOCALHOST.into(), port),
        DriverKind::Qemu => probe::wait_served_locally(machine, port),
    };
    if served.is_err() {
        // Into the journal, which is printed: why its task did not come up.
        docker.run(["service", "ps", "--no-trunc", "web"]).run()?;
    }
    served?;
    docker.run(["service", "rm", "web"]).text()?;
    probe::wait_free(machine, port)
}

pub fn host_is_known(machine: &Machine) -> Result<()> {
    // The name is looked up before anything is sent; whether an answer comes is another case.
    let script = "ping -c 1 -W 1 host.docker.internal; true";
    let text = machine.docker.run_text(&["sh", "-c", script])?;
    ensure!(
        text.contains("PING host.docker.internal ("),
        "ping printed {text}"
    );
    Ok(())
}

pub fn host_is_reached(machine: &Machine) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let server = thread::spawn(move || -> Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nfrom the host\n")?;
        Ok(())
    });
    let url = format!("http://host.docker.internal:{port}/");
    let text = machine.docker.run_text(&["wget", "-q", "-O", "-", &url])?;
    ensure!(text == "from the host", "the host answered {text}");
    server
        .join()
        .ok()
        .context("the server panicked")?
        .context("the server failed")
}
