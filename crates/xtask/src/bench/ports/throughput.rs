//! Bytes a second, by iperf3 on both sides.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    PortsArgs,
    bed::Bed,
    door::Door,
    in_turns,
    report::{Better, Figure},
};
use crate::shell;

const STREAMS: [u32; 3] = [1, 4, 16];

pub fn measure(bed: &Bed, args: &PortsArgs) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (direction, reverse) in [("into the container", false), ("out of the container", true)] {
        for streams in STREAMS {
            let values = in_turns(args.rounds, |door| {
                once(bed, door, streams, reverse, args.seconds)
            })?;
            figures.push(Figure {
                name: format!("{direction}, {streams} streams"),
                unit: "MB/s",
                values,
                better: Better::Higher,
            });
        }
    }
    Ok(figures)
}

fn once(bed: &Bed, door: Door, streams: u32, reverse: bool, seconds: u32) -> Result<f64> {
    let mut iperf = shell::command("iperf3");
    iperf.args(["--client", "127.0.0.1", "--json"]);
    iperf.args(["--port", &bed.ports.iperf(door).to_string()]);
    iperf.args(["--parallel", &streams.to_string(), "--time", &seconds.to_string()]);
    // What is on its way at the start is no throughput.
    iperf.args(["--omit", "1"]);
    if reverse {
        iperf.arg("--reverse");
    }
    let output = shell::output(&mut iperf)?;
    let result: Value = serde_json::from_slice(&output)?;
    let bits = result["end"]["sum_received"]["bits_per_second"].as_f64();
    Ok(bits.context("iperf3 tells no throughput")? / 8e6)
}
