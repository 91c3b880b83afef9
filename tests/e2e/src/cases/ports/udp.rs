//! Datagrams: a real name server in a container, and a real client on the host.

use std::{net::IpAddr, path::Path};

use anyhow::{Context, Result, ensure};

use super::{bundle, container::Container, place, probe};
use crate::{Invocation, Machine, at_once, tools::Tools, until};

const IMAGE: &str = "pinnace-e2e-dns:latest";
/// Debian's package dnsmasq-base has it.
const SERVER: &str = "/usr/sbin/dnsmasq";
const NAME: &str = "answer.test";
const ANSWER: &str = "192.0.2.7";
const CLIENTS: usize = 40;

pub fn name_server_answers(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let server = serve(machine, port)?;
    for ip in place::localhosts() {
        wait_answer(machine, ip, port)?;
        ensure!(
            probe::is_open(ip, port),
            "over TCP it takes no connection at {ip}"
        );
    }
    let told = probe::forwards_at(machine, port)?;
    ensure!(
        told.iter().any(|forward| forward.protocol == "udp"),
        "no port of UDP in {told:?}"
    );
    server.remove()?;
    probe::wait_free(machine, port)
}

pub fn many_clients(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let _server = serve(machine, port)?;
    let ips = place::localhosts();
    wait_answer(machine, ips[0], port)?;
    // Each is a socket of its own, and none may get another's answer.
    for result in at_once::each(CLIENTS, |number| ask(machine, ips[number % ips.len()], port)) {
        let answer = result?;
        ensure!(answer.contains(ANSWER), "a client was told {answer}");
    }
    Ok(())
}

fn serve(machine: &Machine, port: u16) -> Result<Container<'_>> {
    bundle::import(machine, IMAGE, Path::new(SERVER))
        .with_context(|| format!("{SERVER} is in the package dnsmasq-base"))?;
    let options = ["-p", &format!("{port}:53/udp"), "-p", &format!("{port}:53/tcp")];
    let address = format!("--address=/{NAME}/{ANSWER}");
    let command = [
        IMAGE,
        SERVER,
        "--keep-in-foreground",
        "--log-facility=-",
        "--conf-file=/dev/null",
        "--pid-file",
        "--no-resolv",
        "--no-hosts",
        "--user=root",
        "--group=root",
        &address,
    ];
    Container::run_image(machine, "names", &options, &command)
}

fn wait_answer(machine: &Machine, ip: IpAddr, port: u16) -> Result<()> {
    let mut last = String::new();
    let answered = until("an answer of the name server", machine.driver.patience(), || {
        last = ask(machine, ip, port)?;
        Ok(last.contains(ANSWER))
    });
    answered.with_context(|| format!("the client printed {last}"))
}

/// What the client printed, whether it was answered or not.
fn ask(machine: &Machine, ip: IpAddr, port: u16) -> Result<String> {
    let mut client = machine.home.command(&Tools::find()?.busybox);
    let server = std::net::SocketAddr::new(ip, port).to_string();
    client.args(["nslookup", "-type=a", NAME, &server]);
    let output = Invocation::new(client, machine.home.journal().clone())
        .quietly()
        .run()?;
    Ok(output.text())
}
