//! Ports of a container on the host, in one VM through three doors in turns.
//!
//! ```text
//!   client ─► host agent ─► link ─► guest agent ─► container              Pinnace
//!   client ─► QEMU's own network (hostfwd) ─► dockerd's rules ─► container   hostfwd
//!   client ─► ssh -L ─► hostfwd ─► dropbear in the machine ─► container      ssh
//! ```
//!
//! The peers run in the same machine: a small program before QEMU adds the forwards to its network, since Pinnace itself asks for
//! none.

mod bed;
mod bundle;
mod door;
mod idle;
mod lag;
mod report;
mod requests;
mod server;
mod throughput;

use anyhow::Result;

pub use self::server::ServerArgs;
use self::{bed::Bed, door::Door, report::Figure};

/// Arguments.
#[derive(clap::Args)]
pub struct PortsArgs {
    /// Rounds: each measures every figure once through each door
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long bytes flow for one figure, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Requests for one figure
    #[arg(long, default_value_t = 1000)]
    requests: usize,
    /// Idle connections
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Containers that are started for the lag of publishing, in each round
    #[arg(long, default_value_t = 5)]
    containers: usize,
    /// Only the figures whose name contains this
    #[arg(long)]
    only: Option<String>,
}

pub fn run(args: PortsArgs) -> Result<()> {
    let bed = Bed::prepare(args.idle)?;
    let groups: [(&str, Measure); 5] = [
        ("throughput", throughput::measure),
        ("requests", requests::measure),
        ("bulk", requests::measure_beside_bulk),
        ("lag", lag::measure),
        ("idle", idle::measure),
    ];
    let mut figures = Vec::new();
    for (name, measure) in groups {
        if args.only.as_ref().is_none_or(|only| name.contains(only)) {
            println!("measuring {name}");
            figures.extend(measure(&bed, &args)?);
        }
    }
    println!("\n{}", report::render(&figures));
    Ok(())
}

/// Runs the server of the container, for ever.
pub fn serve(args: ServerArgs) -> Result<()> {
    server::run(args)
}

type Measure = fn(&Bed, &PortsArgs) -> Result<Vec<Figure>>;

/// Measures once through each door in each round, in the order of the doors and then the other way round: a drift of the
/// host's speed favours none.
fn in_turns<T>(
    bed: &Bed,
    rounds: usize,
    mut measure: impl FnMut(Door) -> Result<T>,
) -> Result<Vec<(Door, T)>> {
    let mut values = Vec::new();
    for round in 0..rounds {
        let mut doors = Door::ALL;
        if round % 2 == 1 {
            doors.reverse();
        }
        for door in doors {
            bed.interrupt.check()?;
            values.push((door, measure(door)?));
        }
    }
    Ok(values)
}
