//! HTTP requests: many a second, and how long one takes.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};

use super::{
    PortsArgs,
    bed::Bed,
    door::Door,
    in_turns,
    report::{Better, Figure},
    throughput,
};

const CLIENTS: usize = 16;
const WARM: usize = 20;
const LIMIT: Duration = Duration::from_secs(60);

/// A connection to the container's server.
pub struct Connection(TcpStream);

impl Connection {
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Self(stream))
    }

    /// Asks once and keeps the connection.
    pub fn ask(&mut self) -> Result<()> {
        self.0.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            let mut bytes = [0; 512];
            let length = self.0.read(&mut bytes)?;
            ensure!(length > 0, "the connection ended early");
            answer.extend_from_slice(&bytes[..length]);
        }
        Ok(())
    }

    /// Asks once and for the last time.
    fn ask_last(mut self) -> Result<()> {
        self.0
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        self.0.read_to_end(&mut answer)?;
        ensure!(answer.ends_with(b"\r\n\r\nok"), "the answer was cut short");
        Ok(())
    }
}

/// Whether the container's server answers there.
pub fn answers(address: SocketAddr) -> bool {
    Connection::open(address)
        .and_then(|mut connection| connection.ask())
        .is_ok()
}

pub fn measure(bed: &Bed, args: &PortsArgs) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, way) in [("kept connections", kept as Way), ("fresh connections", fresh)] {
        let rate = |door| rate(bed.ports.http(door), args.requests, way);
        figures.push(Figure {
            name: format!("requests on {CLIENTS} {name}"),
            unit: "1/s",
            values: in_turns(bed, args.rounds, rate)?,
            better: Better::Higher,
        });
        let times = in_turns(bed, args.rounds, |door| way(bed.ports.http(door), args.requests))?;
        figures.extend(percentiles(&format!("request on {name}, one at a time"), times));
    }
    Ok(figures)
}

pub fn measure_beside_bulk(bed: &Bed, args: &PortsArgs) -> Result<Vec<Figure>> {
    let times = in_turns(bed, args.rounds, |door| beside_bulk(bed, door, args.seconds))?;
    Ok(percentiles("request on a fresh connection beside bulk", times))
}

/// Asks many times in one way; how long each took.
type Way = fn(SocketAddr, usize) -> Result<Vec<Duration>>;

fn kept(address: SocketAddr, count: usize) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address)?;
    for _ in 0..WARM {
        connection.ask()?;
    }
    timed(count, || connection.ask())
}

fn fresh(address: SocketAddr, count: usize) -> Result<Vec<Duration>> {
    timed(count, || Connection::open(address)?.ask_last())
}

fn timed(count: usize, mut act: impl FnMut() -> Result<()>) -> Result<Vec<Duration>> {
    (0..count)
        .map(|_| {
            let begun = Instant::now();
            act()?;
            Ok(begun.elapsed())
        })
        .collect()
}

/// Requests a second of many clients at once.
fn rate(address: SocketAddr, count: usize, way: Way) -> Result<f64> {
    let each = count.div_ceil(CLIENTS);
    let begun = Instant::now();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| way(address, each))).collect();
        clients.into_iter().try_for_each(|client| {
            let times = client.join().map_err(|_| anyhow!("a client panicked"))?;
            times.map(drop)
        })
    })?;
    Ok((each * CLIENTS) as f64 / begun.elapsed().as_secs_f64())
}

/// Asks for as long as bytes flow through the same door.
fn beside_bulk(bed: &Bed, door: Door, seconds: u32) -> Result<Vec<Duration>> {
    let mut iperf = throughput::client(bed.ports.iperf(door), seconds);
    iperf.arg("--reverse");
    let flows = AtomicBool::new(true);
    thread::scope(|scope| {
        let bulk = scope.spawn(|| {
            let output = throughput::run(&mut iperf);
            flows.store(false, Ordering::Release);
            output
        });
        let mut times = Vec::new();
        while flows.load(Ordering::Acquire) {
            times.extend(fresh(bed.ports.http(door), 1)?);
        }
        bulk.join().map_err(|_| anyhow!("the bulk client panicked"))??;
        anyhow::Ok(times)
    })
    .with_context(|| format!("beside bulk through {door:?}"))
}

fn percentiles(name: &str, rounds: Vec<(Door, Vec<Duration>)>) -> Vec<Figure> {
    let at = |percent: usize| Figure {
        name: format!("{name}, p{percent}"),
        unit: "ms",
        values: rounds
            .iter()
            .filter(|(_, times)| !times.is_empty())
            .map(|(door, times)| {
                let mut sorted = times.clone();
                sorted.sort_unstable();
                (
                    *door,
                    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e3,
                )
            })
            .collect(),
        better: Better::Lower,
    };
    vec![at(50), at(99)]
}
