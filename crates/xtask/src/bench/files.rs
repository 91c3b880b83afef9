//! Files of this host in a machine, through every way there is, in turns.
//!
//! ```text
//!   worker in a container ─► FUSE ─► guest agent ─► link ─► file server ─► folder      Pinnace
//!   worker in a container ─► ext4 on the data disk                                     guest-local
//!   worker ─► virtiofs ─► virtiofsd (cache=auto, cache=always) ─► folder               virtiofs
//!   worker ─► 9p (cache=mmap) ─► QEMU ─► folder                                        9p
//!   worker ─► sshfs ─► ssh ─► sftp-server ─► folder                                    sshfs
//!   worker ─► folder                                                                   native
//! ```
//!
//! The first two are in Pinnace's machine, the next four in a stock machine that runs beside it, and the last is this host
//! itself. The worker is this very program, packed with its libraries and with this host's git, tar, find and rm: the same
//! bytes work in every place. It takes one order a line and tells how long it took by its own clock.

mod bundle;
mod data;
mod line;
mod ours;
mod place;
mod report;
mod rows;
mod sftp;
mod theirs;
mod verdict;
mod virtiofsd;
mod worker;

use std::time::{Duration, Instant};

use anyhow::Result;

use self::{
    data::{Data, Sizes},
    line::Line,
    ours::Ours,
    place::Place,
    report::Figure,
    rows::Row,
    theirs::Theirs,
    worker::Order,
};
pub use self::{
    sftp::SERVER as SFTP_SERVER,
    worker::{WorkerArgs, work},
};
use super::interrupt::Interrupt;

/// Arguments.
#[derive(clap::Args)]
pub struct FilesArgs {
    /// Rounds: each measures every figure once in each place
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many files and calls, in percent of the full size (20,000 files for git, 50,000 for find, and so on)
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    scale: u32,
    /// Size of the large file, in MiB
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    mib: u32,
    /// One round of very small sizes, for seeing that all works: some six minutes where the host emulates
    #[arg(long, conflicts_with_all = ["rounds", "scale", "mib"])]
    quick: bool,
    /// Memory of each machine, in MiB
    #[arg(long, default_value_t = 2048)]
    memory_mib: u32,
    /// Only the figures whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Only Pinnace's machine and this host, without the stock machine
    #[arg(long)]
    no_peers: bool,
}

/// What is small enough to be done in minutes by an emulated processor.
const QUICK: (usize, u32, u32) = (1, 1, 4);

pub fn run(args: FilesArgs) -> Result<()> {
    let (rounds, scale, mib) = if args.quick {
        QUICK
    } else {
        (args.rounds, args.scale, args.mib)
    };
    let interrupt = Interrupt::listen()?;
    let sizes = Sizes::scaled(scale, mib);
    println!("making the files");
    let data = Data::make(&sizes)?;
    let mut stock = if args.no_peers {
        None
    } else {
        Some(Theirs::prepare(args.memory_mib, &data, &interrupt)?)
    };
    let ours = Ours::start(args.memory_mib, &data, &interrupt)?;
    let mut lines = ours.lines()?;
    if let Some(stock) = &mut stock {
        lines.extend(stock.lines()?);
    }
    lines.push((Place::Native, Line::native(&data.folder(Place::Native))?));
    fill_local(&mut lines, &interrupt)?;

    let mut figures = Vec::new();
    for row in rows::all(&sizes) {
        if args
            .only
            .as_ref()
            .is_none_or(|only| row.figures().any(|name| name.contains(only)))
        {
            figures.extend(measure(&row, rounds, &mut lines, &interrupt)?);
        }
    }
    println!("\n{}", report::values(&figures));
    println!("\n{}", report::ratios(&figures));
    println!("\n{}", verdict::goals(&figures));
    Ok(())
}

/// Brings the files to the machine's own disk, which this host cannot reach: unpacked there, out of the share.
fn fill_local(lines: &mut [(Place, Line)], interrupt: &Interrupt) -> Result<()> {
    for (_, line) in lines.iter_mut().filter(|(place, _)| *place == Place::Local) {
        let order = Order::once(worker::Job::Unpack {
            archive: format!("../{}/{}", Place::Pinnace.folder(), data::ARCHIVE),
            folder: ".".to_owned(),
        });
        line.ask(&order, interrupt)?;
    }
    Ok(())
}

/// Measures once in each place in each round, in their order and then the other way round: a drift of the host's speed
/// favours none. What fails in one place is told and leaves a gap.
fn measure(
    row: &Row,
    rounds: usize,
    lines: &mut [(Place, Line)],
    interrupt: &Interrupt,
) -> Result<Vec<Figure>> {
    let begun = Instant::now();
    let mut figures: Vec<Figure> = row.parts.iter().map(|part| Figure::new(part, rounds)).collect();
    for round in 0..rounds {
        let mut turns: Vec<usize> = (0..lines.len()).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for turn in turns {
            let (place, line) = &mut lines[turn];
            for (part, figure) in row.parts.iter().zip(&mut figures) {
                if !part.is_measured_in(*place) {
                    continue;
                }
                match line.ask(&part.order, interrupt) {
                    Ok(seconds) => figure.put(*place, round, part.amount.of(seconds)),
                    Err(error) => {
                        interrupt.check()?;
                        println!("  {} in {}: {error:#}", part.name, place.name());
                        break;
                    }
                }
            }
        }
    }
    let names: Vec<&str> = row.figures().collect();
    println!(
        "measured {} in {:.0} s",
        names.join(", "),
        seconds(begun.elapsed())
    );
    Ok(figures)
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn worker(script: &str) -> Line {
        Line::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn measure_with_a_place_that_fails_leaves_a_gap() {
        let fine = r#"while read x; do echo '{"seconds":2}'; done"#;
        let slow = r#"while read x; do echo '{"seconds":8}'; done"#;
        let broken = r#"while read x; do echo '{"error":"no such file"}'; done"#;
        let mut lines = vec![
            (Place::Pinnace, worker(fine)),
            (Place::NineP, worker(slow)),
            (Place::Sshfs, worker(broken)),
            (Place::VirtiofsAuto, worker("exit 1")),
        ];
        let rows = rows::all(&Sizes::scaled(1, 1));
        for row in &rows {
            let figures = measure(row, 2, &mut lines, &Interrupt::never()).unwrap();
            assert_eq!(figures.len(), row.parts.len());
            for figure in figures {
                assert_eq!(figure.advantage(Place::NineP), Some(4.0), "{}", figure.name);
                assert_eq!(figure.advantage(Place::Sshfs), None);
                assert_eq!(figure.advantage(Place::VirtiofsAuto), None);
            }
        }
    }
}
