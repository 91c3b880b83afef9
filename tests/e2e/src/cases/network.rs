//! The host's network as the engine finds it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::mpsc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::registries::is_written_nowhere;
use crate::{Case, Machine};

pub const CASES: &[Case] = &[Case {
    name: "pull_through_a_proxy_on_the_hosts_loopback_asks_the_proxy",
    run: pull_through_a_proxy,
}];

/// Nobody has this address (RFC 5737).
const REGISTRY: &str = "192.0.2.1:5000";
const PASSWORD: &str = "battery-staple-6";
/// `ann:battery-staple-6`, as a proxy is shown it.
const SHOWN: &str = "YW5uOmJhdHRlcnktc3RhcGxlLTY=";
const PATIENCE: Duration = Duration::from_secs(60);

fn pull_through_a_proxy(machine: &Machine) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!(
        "http://ann:{PASSWORD}@127.0.0.1:{}",
        listener.local_addr()?.port()
    );
    let (heads, asked) = mpsc::channel();
    // It ends with the test program.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(|stream| stream.ok()) {
            let Ok(head) = refuse(stream) else { continue };
            if heads.send(head).is_err() {
                return;
            }
        }
    });

    let before = machine.home.config()?;
    let with_proxy = format!("{before}\n[network]\nproxy = {{ http = \"{url}\", https = \"{url}\" }}\n");
    let result = restart_with(machine, &with_proxy).and_then(|()| {
        let pulled = machine.docker.run(["pull", &format!("{REGISTRY}/x")]).run()?;
        ensure!(
            !pulled.status.success(),
            "a proxy that refuses everything let it through"
        );
        let head = asked.recv_timeout(PATIENCE).context("nobody asked the proxy")?;
        ensure!(
            head.starts_with(&format!("CONNECT {REGISTRY} ")),
            "asked for {head}"
        );
        ensure!(head.contains(SHOWN), "the proxy was shown no password: {head}");
        ensure!(
            !pulled.stderr.contains(PASSWORD),
            "the password is shown: {}",
            pulled.stderr
        );
        for (_, line) in machine.home.processes() {
            ensure!(
                !line.contains(PASSWORD),
                "the password is in a command line: {line}"
            );
        }
        is_written_nowhere(machine, &[PASSWORD, SHOWN])
    });
    restart_with(machine, &before)?;
    result
}

/// The settings are read when the machine starts.
fn restart_with(machine: &Machine, config: &str) -> Result<()> {
    machine.home.write_config(config)?;
    machine.stop()?;
    machine.start()
}

/// Reads one request's head and refuses it.
fn refuse(mut stream: TcpStream) -> Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = String::new();
    for line in BufReader::new(&stream).lines() {
        let line = line?;
        if line.is_empty() || head.len() > 64 * 1024 {
            break;
        }
        head.push_str(&line);
        head.push('\n');
    }
    stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(head)
}
