//! The engine's API through the endpoint, beside dockerd's own socket and `socat`, in turns. No VM: the driver `fake`.
//!
//! ```text
//!   client ─► dockerd's socket                                        direct
//!   client ─► socat ─► dockerd's socket                               socat: a relay that knows no HTTP
//!   client ─► host agent ─► link ─► guest agent ─► dockerd's socket   Pinnace
//! ```

mod bed;
mod bulk;
mod exec;
pub(super) mod http;
mod logs;
mod ping;
mod report;

use anyhow::Result;

use self::{
    bed::{Bed, Door},
    report::Figure,
};

/// Arguments.
#[derive(clap::Args)]
pub struct ApiArgs {
    /// Rounds: each measures every figure once through each door
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Size of what is saved, loaded, copied and built from, in MiB
    #[arg(long, default_value_t = 512)]
    bulk_mib: u64,
    /// Size of the log, in MiB
    #[arg(long, default_value_t = 1024)]
    log_mib: u64,
    /// Only the figures whose name contains this
    #[arg(long)]
    only: Option<String>,
}

pub fn run(args: ApiArgs) -> Result<()> {
    let bed = Bed::prepare()?;
    let mut figures = Vec::new();
    let groups: [(&str, Measure); 5] = [
        ("ping", ping::measure),
        ("exec", exec::measure),
        ("bulk", bulk::measure),
        ("context", bulk::measure_context),
        ("logs", logs::measure),
    ];
    for (name, measure) in groups {
        if args.only.as_ref().is_none_or(|only| name.contains(only)) {
            println!("measuring {name}");
            figures.extend(measure(&bed, &args)?);
        }
    }
    println!("\n{}", report::render(&figures));
    Ok(())
}

type Measure = fn(&Bed, &ApiArgs) -> Result<Vec<Figure>>;

/// Measures once through each door in each round, beginning with another one each time: a drift of the host's speed
/// favours none.
fn in_turns<T>(rounds: usize, mut measure: impl FnMut(Door) -> Result<T>) -> Result<Vec<(Door, T)>> {
    let mut values = Vec::new();
    for round in 0..rounds {
        for turn in 0..Door::ALL.len() {
            let door = Door::ALL[(round + turn) % Door::ALL.len()];
            values.push((door, measure(door)?));
        }
    }
    Ok(values)
}
