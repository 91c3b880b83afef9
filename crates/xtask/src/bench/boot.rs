//! Cold start until the engine answers on the host, in turns.

use std::time::Duration;

use anyhow::Result;

use super::{
    peer::{Peer, Started},
    pinnace::Pinnace,
    stock::Stock,
    table::{self, Row},
};

/// Arguments.
#[derive(clap::Args)]
pub struct BootArgs {
    /// Rounds: each starts both machines once
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Virtual CPUs of both machines
    #[arg(long, default_value_t = 2)]
    cpus: u32,
    /// Memory of both machines, in MiB
    #[arg(long, default_value_t = 2048)]
    memory_mib: u32,
}

/// The ratio to reach for the whole, and for what is not dockerd's own.
const TOTAL_GOAL: f64 = 0.35;
const OTHER_GOAL: f64 = 0.15;

pub fn run(args: BootArgs) -> Result<()> {
    let mut ours = Pinnace::prepare(args.cpus, args.memory_mib)?;
    let mut stock = Stock::prepare(args.cpus, args.memory_mib)?;
    let (mut our_starts, mut stock_starts) = (Vec::new(), Vec::new());
    for round in 0..args.rounds {
        // A B, B A, A B …: a drift of the host's speed favours neither.
        let ours_first = round % 2 == 0;
        if ours_first {
            our_starts.push(once(&mut ours)?);
        }
        stock_starts.push(once(&mut stock)?);
        if !ours_first {
            our_starts.push(once(&mut ours)?);
        }
    }
    println!("\n{}", table::render(&rows(&our_starts, &stock_starts)));
    println!(
        "\nboot phases of Pinnace, medians over {} rounds:\n{}",
        args.rounds,
        phases(&our_starts)
    );
    Ok(())
}

fn once(peer: &mut dyn Peer) -> Result<Started> {
    let started = peer.start()?;
    println!(
        "{:<8} {:6.1} s wall, {:6.1} s processor, dockerd {:5.1} s",
        peer.name(),
        started.wall.as_secs_f64(),
        started.cpu.as_secs_f64(),
        started.dockerd.as_secs_f64()
    );
    peer.stop()?;
    Ok(started)
}

fn rows(ours: &[Started], stock: &[Started]) -> Vec<Row> {
    let row = |name: &str, of: fn(&Started) -> Duration, goal| Row {
        name: name.to_owned(),
        unit: "s",
        ours: ours.iter().map(|s| of(s).as_secs_f64()).collect(),
        stock: stock.iter().map(|s| of(s).as_secs_f64()).collect(),
        goal,
    };
    vec![
        row(
            "command to `/_ping` on the host socket, wall",
            |s| s.wall,
            Some(TOTAL_GOAL),
        ),
        row("the same, processor time", |s| s.cpu, None),
        row("dockerd's own start, wall", |s| s.dockerd, None),
        row(
            "all but dockerd's own, wall",
            |s| s.wall.saturating_sub(s.dockerd),
            Some(OTHER_GOAL),
        ),
    ]
}

fn phases(starts: &[Started]) -> String {
    let Some(first) = starts.first() else {
        return String::new();
    };
    let names = first.phases.iter().map(|(name, _)| name);
    let rows: Vec<Row> = names
        .map(|name| {
            let of = |s: &Started| {
                s.phases
                    .iter()
                    .find(|(n, _)| n == name)
                    .map(|(_, d)| d.as_secs_f64())
            };
            Row {
                name: name.clone(),
                unit: "s",
                ours: starts.iter().filter_map(of).collect(),
                stock: Vec::new(),
                goal: None,
            }
        })
        .collect();
    table::render(&rows)
}
