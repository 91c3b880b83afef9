//! What a machine without containers costs the host.

use std::{thread, time::Duration};

use anyhow::{Context, Result};

use super::{
    cpu,
    peer::{Peer, Started},
    pinnace::Pinnace,
    stock::Stock,
    table::{self, Row},
};

/// Arguments.
#[derive(clap::Args)]
pub struct IdleArgs {
    /// Rounds: each measures both machines once, side by side
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How long a round lasts, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How long the machines settle after their start, in seconds
    #[arg(long, default_value_t = 60)]
    settle_seconds: u64,
}

const VM_GOAL: f64 = 0.3;

pub fn run(args: IdleArgs) -> Result<()> {
    let mut ours = Pinnace::prepare(2, 2048)?;
    let mut stock = Stock::prepare(2, 2048)?;
    let (our_start, stock_start) = (ours.start()?, stock.start()?);
    println!("both run; settling for {} s", args.settle_seconds);
    thread::sleep(Duration::from_secs(args.settle_seconds));
    let mut rows = Rows::default();
    for _ in 0..args.rounds {
        rows.round(&our_start, &stock_start, Duration::from_secs(args.seconds))?;
    }
    println!("\n{}", table::render(&rows.finish(args.seconds)));
    stock.stop()?;
    ours.stop()
}

#[derive(Default)]
struct Rows {
    ours: Vec<f64>,
    stock: Vec<f64>,
    agent_cpu: Vec<f64>,
    agent_rss: Vec<f64>,
    our_rss: Vec<f64>,
    stock_rss: Vec<f64>,
}

impl Rows {
    fn round(&mut self, ours: &Started, stock: &Started, length: Duration) -> Result<()> {
        let agent = ours.processes.pid("host agent").context("no host agent")?;
        let vm = |started: &Started| started.processes.pid("vm").context("no VM");
        let before = (ours.processes.cpu()?, stock.processes.cpu()?, cpu::cpu_of(agent)?);
        thread::sleep(length);
        self.ours.push((ours.processes.cpu()? - before.0).as_secs_f64());
        self.stock.push((stock.processes.cpu()? - before.1).as_secs_f64());
        self.agent_cpu
            .push((cpu::cpu_of(agent)? - before.2).as_secs_f64());
        self.agent_rss.push(mib(cpu::rss_kib(agent)?));
        self.our_rss.push(mib(cpu::rss_kib(vm(ours)?)?));
        self.stock_rss.push(mib(cpu::rss_kib(vm(stock)?)?));
        Ok(())
    }

    fn finish(self, seconds: u64) -> Vec<Row> {
        let cpu = |name: &str| format!("{name}, processor time in {seconds} s");
        let alone = |name: String, unit, ours| Row {
            name,
            unit,
            ours,
            stock: Vec::new(),
            goal: None,
        };
        vec![
            Row {
                name: cpu("machine at rest"),
                unit: "s",
                ours: self.ours,
                stock: self.stock,
                goal: Some(VM_GOAL),
            },
            Row {
                name: "VM process, resident".into(),
                unit: "MiB",
                ours: self.our_rss,
                stock: self.stock_rss,
                goal: None,
            },
            alone(cpu("host agent"), "s", self.agent_cpu),
            alone(
                "host agent, resident (at most 25)".to_owned(),
                "MiB",
                self.agent_rss,
            ),
        ]
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
