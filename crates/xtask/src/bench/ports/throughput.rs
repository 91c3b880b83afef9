//! Bytes a second, by iperf3 on both sides.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
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
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

pub fn measure(bed: &Bed, args: &PortsArgs) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (direction, reverse) in [("into the container", false), ("out of the container", true)] {
        for streams in STREAMS {
            let values = in_turns(bed, args.rounds, |door| {
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
    let mut iperf = client(bed.ports.iperf(door), seconds);
    iperf.args(["--parallel", &streams.to_string()]);
    // What is on its way at the start is no throughput.
    iperf.args(["--omit", "1"]);
    if reverse {
        iperf.arg("--reverse");
    }
    let result = run(&mut iperf)?;
    let bits = result["end"]["sum_received"]["bits_per_second"].as_f64();
    Ok(bits.context("iperf3 tells no throughput")? / 8e6)
}

/// A client that lets bytes flow for so long.
pub fn client(port: u16, seconds: u32) -> Command {
    let mut iperf = shell::command("iperf3");
    iperf.args(["--client", "127.0.0.1", "--json"]);
    iperf.args(["--port", &port.to_string(), "--time", &seconds.to_string()]);
    iperf
}

/// Runs a client; what it reports. The server takes one at a time and may not have ended with the last one yet.
pub fn run(client: &mut Command) -> Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = client
            .stdin(Stdio::null())
            .output()
            .context("failed to start iperf3")?;
        let report: Value = serde_json::from_slice(&output.stdout).with_context(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("iperf3 ended with {}: {}", output.status, said.trim_end())
        })?;
        // It has a place for its errors in the report.
        match report["error"].as_str() {
            None if output.status.success() => return Ok(report),
            Some(error) if is_busy(error) && Instant::now() < deadline => thread::sleep(PAUSE),
            error => bail!(
                "iperf3 ended with {}: {}",
                output.status,
                error.unwrap_or_default()
            ),
        }
    }
}

fn is_busy(error: &str) -> bool {
    error.contains("server is busy")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str) -> Result<Value, String> {
        let folder = tempfile::tempdir().unwrap();
        let mut client = Command::new("sh");
        client.args(["-c", script]).arg(folder.path().join("asked"));
        run(&mut client).map_err(|error| error.to_string())
    }

    #[test]
    fn run_while_the_server_is_busy_tries_again() {
        let script = r#"
            if test -e "$0"; then echo '{"end": 7}'; exit; fi
            touch "$0"
            echo '{"error": "error - the server is busy running a test. try again later"}'
            exit 1"#;
        assert_eq!(check(script).unwrap()["end"], 7);
    }

    #[test]
    fn run_of_a_client_that_fails_tells_why() {
        let error = check(r#"echo '{"error": "unable to connect"}'; exit 1"#).unwrap_err();
        assert!(error.contains("unable to connect"), "{error}");
        let error = check("echo bad option >&2; exit 1").unwrap_err();
        assert!(error.contains("bad option"), "{error}");
    }
}
