//! Kills at random times while a container writes: every record that it was told to be on disk must be there.
//!
//! A container with `--restart always` appends numbered records to a file in a volume, syncs the file, and only then
//! prints the record's number. Each round reads these acknowledgements along, kills one process at a random moment,
//! brings the machine back, and compares the file with everything acknowledged in this and all earlier rounds. A record
//! that was written and not yet acknowledged may be there or not, or be cut off where the writer began anew.

use std::{
    collections::BTreeSet,
    io::BufRead,
    process::Child,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use api::EngineState;

use super::recovery::assert_one_machine;
use crate::{IMAGE, Machine, Random, kill_now};

/// Records are lines of `<number>:<check>`, where check is number * FACTOR modulo MODULUS.
const FACTOR: u64 = 48_271;
const MODULUS: u64 = 2_147_483_647;
/// A line of its own, before the first record of each start of the writer.
const BEGIN: &str = "#";

/// In every five rounds: one kill of the machine's process, one of the host agent, three of dockerd, which come back
/// sooner since nothing boots.
const ROUND_OF_FIVE: [Victim; 5] = [
    Victim::Machine,
    Victim::HostAgent,
    Victim::Dockerd,
    Victim::Dockerd,
    Victim::Dockerd,
];
const DEFAULT_ROUNDS: usize = 30;

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Machine,
    HostAgent,
    Dockerd,
}

/// Runs `PINNACE_E2E_ROUNDS` rounds.
pub fn random_kills_lose_no_synced_record(machine: &Machine) -> Result<()> {
    let rounds = std::env::var("PINNACE_E2E_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_ROUNDS);
    let (mut random, seed) = Random::from_environment();
    let mut victims: Vec<Victim> = ROUND_OF_FIVE.into_iter().cycle().take(rounds).collect();
    random.shuffle(&mut victims);

    let file = start_writer(machine)?;
    let mut acknowledged = BTreeSet::new();
    for (victim, round) in victims.into_iter().zip(1..) {
        let delay = Duration::from_millis(random.below(2000));
        let note = format!(
            "round {round} of {rounds}, seed {seed}: kill {victim:?} {delay:?} after the first record"
        );
        machine.home.journal().note(&note);
        one_round(machine, &file, victim, delay, &mut acknowledged).with_context(|| note)?;
    }
    machine.docker.remove("writer")?;
    machine.docker.run(["volume", "rm", "records"]).text()?;
    Ok(())
}

/// Starts it and returns where its records are in the machine.
fn start_writer(machine: &Machine) -> Result<String> {
    let script = format!(
        "cd /data; touch records; printf '\\n{BEGIN}\\n' >>records; \
         i=$(sed -n 's/^\\([0-9][0-9]*\\):.*/\\1/p' records | tail -n 1); i=${{i:-0}}; \
         while :; do i=$((i+1)); echo $i:$((i*{FACTOR}%{MODULUS})) >>records && sync records && echo $i; done"
    );
    let run = [
        "run",
        "--detach",
        "--restart",
        "always",
        "--name",
        "writer",
        "--volume",
        "records:/data",
        IMAGE,
        "sh",
        "-c",
        &script,
    ];
    machine.docker.run(run).run()?.success()?;
    let find = [
        "volume",
        "inspect",
        "--format",
        "{{.Mountpoint}}/records",
        "records",
    ];
    machine.docker.run(find).text()
}

/// Reads acknowledgements, kills amid them, recovers, checks.
fn one_round(
    machine: &Machine,
    file: &str,
    victim: Victim,
    delay: Duration,
    acknowledged: &mut BTreeSet<u64>,
) -> Result<()> {
    let status = machine.pinnace.status()?;
    let process = match victim {
        Victim::Machine => status.machine.pid.context("no process of the machine")?,
        Victim::HostAgent => status.host_agent.pid,
        Victim::Dockerd => 0,
    };
    let known = acknowledged.len();
    let follow = ["logs", "--follow", "--tail", "0", "writer"];
    let mut follower = machine.docker.run(follow).start()?;
    let numbers = numbers(&mut follower)?;
    let first = numbers.recv_timeout(machine.driver.patience());
    let first = first.context("the writer acknowledged no new record: it did not survive the last round")?;
    acknowledged.insert(first);

    let kill_at = Instant::now() + delay;
    loop {
        match numbers.recv_timeout(kill_at.saturating_duration_since(Instant::now())) {
            Ok(number) => drop(acknowledged.insert(number)),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => bail!("the writer's output ended before the kill"),
        }
    }
    match victim {
        Victim::Machine | Victim::HostAgent => kill_now(process)?,
        Victim::Dockerd => drop(machine.pinnace.shell_text("kill -KILL $(pidof dockerd)")?),
    }
    // What was killed carried the output, so that it ends, and what came before the end counts.
    let ended_by = Instant::now() + machine.driver.patience();
    let ended = loop {
        match numbers.recv_timeout(ended_by.saturating_duration_since(Instant::now())) {
            Ok(number) => drop(acknowledged.insert(number)),
            Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => break false,
        }
    };
    // It is gone already when its output ended.
    let _ = follower.kill();
    follower.wait()?;
    ensure!(ended, "a client's stream outlived what carried it");

    recover(machine, victim, process)?;
    assert_one_machine(machine)?;
    let present = check_records(machine, file, acknowledged)?;
    machine.home.journal().note(format!(
        "{} acknowledged in this round, {} in all, {present} present",
        acknowledged.len() - known,
        acknowledged.len()
    ));
    Ok(())
}

/// Waits until the loss is noticed, where something notices it, and brings everything back.
fn recover(machine: &Machine, victim: Victim, process: u32) -> Result<()> {
    if victim == Victim::Machine {
        machine.wait_status("a notice of the machine's end", |status| {
            status.machine.pid != Some(process)
        })?;
    }
    if victim == Victim::Dockerd {
        machine.docker.wait_ready(machine.driver.patience())?;
        machine.wait_status("a ready engine", |status| {
            status.engine.state == EngineState::Ready
        })?;
        return Ok(());
    }
    machine.start()
}

/// The numbers that a program prints, one on each line, as they come.
fn numbers(child: &mut Child) -> Result<mpsc::Receiver<u64>> {
    let stdout = child.stdout.take().context("the outputs are not piped")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let lines = std::io::BufReader::new(stdout).lines().map_while(Result::ok);
        for number in lines.filter_map(|line| line.parse().ok()) {
            if sender.send(number).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Compares the file with what was acknowledged. Returns how many records are there.
fn check_records(machine: &Machine, file: &str, acknowledged: &BTreeSet<u64>) -> Result<usize> {
    // Read beside the engine, where the file lies: nothing that was killed stands between it and the check.
    let text = machine.pinnace.shell_text(&format!("cat {file}"))?;
    let records = whole_records(&text)?;
    let missing: Vec<u64> = acknowledged.difference(&records).copied().take(5).collect();
    ensure!(
        missing.is_empty(),
        "of {} acknowledged records these are missing, among others: {missing:?}; {} are there",
        acknowledged.len(),
        records.len()
    );
    Ok(records.len())
}

/// The records of the file, in order and whole, but for what a kill cut off: that stands before the next beginning.
fn whole_records(text: &str) -> Result<BTreeSet<u64>> {
    let mut records = BTreeSet::new();
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        match parse(line) {
            Some(number) => {
                ensure!(
                    records.last().is_none_or(|last| *last < number),
                    "record {number} comes after {:?}",
                    records.last()
                );
                records.insert(number);
            }
            None if line == BEGIN || matches!(lines.peek(), None | Some(&BEGIN)) => {}
            None => bail!("a record is damaged after {:?}: `{line}`", records.last()),
        }
    }
    Ok(records)
}

fn parse(line: &str) -> Option<u64> {
    let (number, check) = line.split_once(':')?;
    let number: u64 = number.parse().ok()?;
    (check.parse() == Ok(number.checked_mul(FACTOR)? % MODULUS)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_a_damaged_record_is_none() {
        assert_eq!(parse("2:96542"), Some(2));
        for damaged in ["2:9654", "2:", "2", "", "x:1", "\0\0"] {
            assert_eq!(parse(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn whole_records_tolerates_a_cut_only_where_the_writer_began_anew() {
        let check = |text: &str| whole_records(text).map(|records| records.into_iter().collect::<Vec<_>>());
        assert_eq!(check("\n#\n1:48271\n2:96542\n").unwrap(), [1, 2]);
        assert_eq!(check("\n#\n1:48271\n2:9\n#\n3:144813\n4:").unwrap(), [1, 3]);
        assert!(check("").unwrap().is_empty());
        for damaged in [
            "1:48271\n2:9\n3:144813\n",
            "2:96542\n1:48271\n",
            "1:48271\n\n2:96542\n",
        ] {
            assert!(check(damaged).is_err(), "{damaged}");
        }
    }
}
