//! One byte to `cat` in a container and back, on an exec's own connection.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    ApiArgs,
    bed::{Bed, Door, IMAGE, text},
    http::Connection,
    in_turns,
    report::{Figure, Goal},
};

const TRIPS: usize = 2000;
const WARM: usize = 100;
const GOAL: f64 = 1.5;
/// A frame of the engine's: stream, zeros, length, data.
const FRAME: &[u8] = b"\x01\0\0\0\0\0\0\x01x";

pub fn measure(bed: &Bed, args: &ApiArgs) -> Result<Vec<Figure>> {
    text(&mut bed.docker(
        Door::Direct,
        &[
            "run",
            "-d",
            "--init",
            "--name",
            "echo",
            IMAGE,
            "/bin/busybox",
            "sleep",
            "100000",
        ],
    ))?;
    let rounds = in_turns(args.rounds, |door| {
        let mut times = trips(bed, door)?;
        times.sort_unstable();
        Ok(times)
    })?;
    text(&mut bed.docker(Door::Direct, &["rm", "--force", "echo"]))?;
    let at = |percent: usize| {
        let at = move |(door, times): &(Door, Vec<Duration>)| {
            (
                *door,
                times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6,
            )
        };
        rounds.iter().map(at).collect()
    };
    let figure = |percent, goal| Figure {
        name: format!("exec round trip of one byte, p{percent}"),
        unit: "µs",
        values: at(percent),
        goal,
    };
    Ok(vec![figure(50, Goal::AtMost(GOAL)), figure(99, Goal::None)])
}

fn trips(bed: &Bed, door: Door) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(&bed.socket(door))?;
    let create = r#"{"Cmd":["/bin/busybox","cat"],"AttachStdin":true,"AttachStdout":true}"#;
    connection.ask("POST", "/v1.44/containers/echo/exec", "", create)?;
    let head = connection.head(&[201])?;
    let answer: Value = serde_json::from_slice(&connection.body(&head)?)?;
    let id = answer["Id"].as_str().context("the exec has no id")?;
    let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    connection.ask(
        "POST",
        &format!("/v1.44/exec/{id}/start"),
        upgrade,
        r#"{"Detach":false,"Tty":false}"#,
    )?;
    connection.head(&[101, 200])?;
    let mut times = Vec::with_capacity(TRIPS);
    for number in 0..WARM + TRIPS {
        let begun = Instant::now();
        connection.send(b"x")?;
        ensure!(connection.take(FRAME.len())? == FRAME, "another byte came back");
        if number >= WARM {
            times.push(begun.elapsed());
        }
    }
    Ok(times)
}
