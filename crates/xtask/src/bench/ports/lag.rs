//! How long a published port lags behind its container. The peers publish nothing: their ports are fixed beforehand.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    PortsArgs,
    bed::{self, Bed, HTTP_PORT},
    bundle,
    door::{self, Door},
    report::{Better, Figure},
};
use crate::bench::api::http::Connection;

const LIMIT: Duration = Duration::from_secs(60);
const NAME: &str = "lag";

pub fn measure(bed: &Bed, args: &PortsArgs) -> Result<Vec<Figure>> {
    let socket = bed.engine_socket()?;
    let (mut opened, mut freed) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds * args.containers {
        let (open, free) = once(&socket)?;
        opened.push((Door::Pinnace, open.as_secs_f64() * 1e3));
        freed.push((Door::Pinnace, free.as_secs_f64() * 1e3));
    }
    let figure = |name: &str, values| Figure {
        name: name.to_owned(),
        unit: "ms",
        values,
        better: Better::Lower,
    };
    Ok(vec![
        figure(
            "from the engine's answer to a start until the port accepts",
            opened,
        ),
        figure("from the engine's answer to a kill until the port is free", freed),
    ])
}

fn once(socket: &Path) -> Result<(Duration, Duration)> {
    let port = door::free()?;
    let mut engine = Connection::open(socket)?;
    let inside = format!("{HTTP_PORT}/tcp");
    let config = serde_json::json!({
        "Image": bed::IMAGE,
        "Cmd": [bundle::SERVER, "bench-server", HTTP_PORT.to_string()],
        "ExposedPorts": { &inside: {} },
        "HostConfig": { "PortBindings": { &inside: [{ "HostIp": "127.0.0.1", "HostPort": port.to_string() }] } },
    });
    let target = format!("/v1.44/containers/create?name={NAME}");
    engine.ask("POST", &target, "", &config.to_string())?;
    let head = engine.head(&[201])?;
    let created: Value = serde_json::from_slice(&engine.body(&head)?)?;
    let id = created["Id"]
        .as_str()
        .context("a container without an id")?
        .to_owned();

    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    engine.ask("POST", &format!("/v1.44/containers/{id}/start"), "", "")?;
    engine.head(&[204])?;
    let open = until(|| TcpStream::connect(address).is_ok())?;
    engine.ask("POST", &format!("/v1.44/containers/{id}/kill"), "", "")?;
    engine.head(&[204])?;
    let free = until(|| TcpListener::bind(address).is_ok())?;
    engine.ask("DELETE", &format!("/v1.44/containers/{id}?force=1"), "", "")?;
    engine.head(&[204])?;
    Ok((open, free))
}

fn until(is_so: impl Fn() -> bool) -> Result<Duration> {
    let begun = Instant::now();
    while !is_so() {
        ensure!(
            begun.elapsed() < LIMIT,
            "the port did not change within {LIMIT:?}"
        );
        thread::sleep(Duration::from_micros(100));
    }
    Ok(begun.elapsed())
}
