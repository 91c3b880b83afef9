//! A long log, and what passing it on costs the host agent in memory.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    super::cpu::rss_kib,
    ApiArgs,
    bed::{Bed, Door, IMAGE, text},
    http::Connection,
    in_turns,
    report::{Figure, Goal},
};

const GOAL: f64 = 0.85;
const GROWTH_GOAL_MIB: f64 = 16.0;
/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

pub fn measure(bed: &Bed, args: &ApiArgs) -> Result<Vec<Figure>> {
    // The default rotation would throw most of it away.
    let flags = [
        "--log-driver",
        "local",
        "--log-opt",
        "max-size=8g",
        "--log-opt",
        "compress=false",
    ];
    let bytes = args.log_mib << 20;
    // As long as a record of a program that writes JSON.
    let line = "0123456789".repeat(50);
    let script = format!("yes {line} | head -c {bytes}");
    let command = ["run", "--name", "long", "--attach", "stderr"];
    let program = [IMAGE, "/bin/busybox", "sh", "-c", &script];
    text(&mut bed.docker(Door::Direct, &[&command[..], &flags, &program].concat()))?;
    let mut growths = Vec::new();
    let speeds = in_turns(args.rounds, |door| {
        let (speed, most) = watched(bed.agent, || read(bed, door, bytes))?;
        if door == Door::Pinnace {
            growths.push((door, most.saturating_sub(bed.agent_rss_kib) as f64 / 1024.0));
        }
        Ok(speed)
    })?;
    text(&mut bed.docker(Door::Direct, &["rm", "--force", "long"]))?;
    Ok(vec![
        Figure {
            name: format!("logs of {} MiB", args.log_mib),
            unit: "MiB/s",
            values: speeds,
            goal: Goal::AtLeast(GOAL),
        },
        Figure {
            name: "the same, growth of the host agent".to_owned(),
            unit: "MiB",
            values: growths,
            goal: Goal::Below(GROWTH_GOAL_MIB),
        },
    ])
}

fn read(bed: &Bed, door: Door, bytes: u64) -> Result<f64> {
    let mut connection = Connection::open(&bed.socket(door))?;
    let begun = Instant::now();
    connection.ask(
        "GET",
        "/v1.44/containers/long/logs?stdout=1",
        "Connection: close\r\n",
        "",
    )?;
    connection.head(&[200])?;
    let count = connection.drain()?;
    ensure!(count >= bytes, "only {count} bytes came");
    Ok((bytes >> 20) as f64 / begun.elapsed().as_secs_f64())
}

/// Does it and returns the most memory that a process had meanwhile, in KiB.
fn watched<T>(pid: u32, act: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let acting = AtomicBool::new(true);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while acting.load(Ordering::Acquire) {
                most = most.max(rss_kib(pid).unwrap_or_default());
                thread::sleep(LOOK);
            }
            most
        });
        let done = act();
        acting.store(false, Ordering::Release);
        let most = watcher.join().unwrap_or_default();
        Ok((done?, most))
    })
}
