//! What a connection costs that does nothing.

use anyhow::{Context, Result};

use super::{
    PortsArgs,
    bed::Bed,
    door::Door,
    in_turns,
    report::{Better, Figure},
    requests::Connection,
};

pub fn measure(bed: &Bed, args: &PortsArgs) -> Result<Vec<Figure>> {
    let values = in_turns(bed, args.rounds, |door| once(bed, door, args.idle))?;
    Ok(vec![Figure {
        name: format!("each of {} idle connections: host agent, VM and ssh", args.idle),
        unit: "KiB",
        values,
        better: Better::Lower,
    }])
}

fn once(bed: &Bed, door: Door, count: usize) -> Result<f64> {
    let before = bed.rss_bytes()?;
    let mut connections = Vec::with_capacity(count);
    for number in 0..count {
        // Asked once, so each has gone all the way.
        let mut connection = Connection::open(bed.ports.http(door))?;
        let asked = connection.ask();
        asked.with_context(|| format!("connection {number} of {count} through {door:?}"))?;
        connections.push(connection);
    }
    let grown = bed.rss_bytes()?.saturating_sub(before);
    Ok(grown as f64 / count as f64 / 1024.0)
}
