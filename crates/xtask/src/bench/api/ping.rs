//! `GET /_ping`: what a request costs by itself.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    ApiArgs,
    bed::{Bed, Door},
    http::Connection,
    in_turns,
    report::{Figure, Goal},
};

/// Requests on a connection that is kept, after those that warm it up.
const KEPT: usize = 2000;
const WARM: usize = 100;
/// Connections of one request each.
const FRESH: usize = 500;
const GOAL: f64 = 1.6;

pub fn measure(bed: &Bed, args: &ApiArgs) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let ways: [(&str, Way); 2] = [("a kept", kept), ("a fresh", fresh)];
    for (name, way) in ways {
        let rounds = in_turns(args.rounds, |door| {
            let mut times = way(&bed.socket(door))?;
            times.sort_unstable();
            Ok(times)
        })?;
        for (percent, goal) in [(50, Goal::AtMostAndBelowSocat(GOAL)), (99, Goal::None)] {
            let at = |(door, times): &(Door, Vec<Duration>)| {
                let time = times[(times.len() - 1) * percent / 100];
                (*door, time.as_secs_f64() * 1e6)
            };
            figures.push(Figure {
                name: format!("`/_ping` on {name} connection, p{percent}"),
                unit: "µs",
                values: rounds.iter().map(at).collect(),
                goal,
            });
        }
    }
    Ok(figures)
}

/// Asks many times in one way; how long each took.
type Way = fn(&Path) -> Result<Vec<Duration>>;

fn kept(socket: &Path) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(socket)?;
    let mut times = Vec::with_capacity(KEPT);
    for number in 0..WARM + KEPT {
        let begun = Instant::now();
        ping(&mut connection)?;
        if number >= WARM {
            times.push(begun.elapsed());
        }
    }
    Ok(times)
}

fn fresh(socket: &Path) -> Result<Vec<Duration>> {
    (0..FRESH)
        .map(|_| {
            let begun = Instant::now();
            ping(&mut Connection::open(socket)?)?;
            Ok(begun.elapsed())
        })
        .collect()
}

fn ping(connection: &mut Connection) -> Result<()> {
    connection.ask("GET", "/_ping", "", "")?;
    let head = connection.head(&[200])?;
    ensure!(connection.body(&head)? == b"OK", "no pong");
    Ok(())
}
