//! Many clients at once.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    Door, IMAGE, Machine, Random,
    programs::rss_kib,
    wire::{Wire, ping},
};

const SLOW_READERS: usize = 100;
/// How long they read at a byte a second, while others work.
const SLOW_FOR: Duration = Duration::from_secs(20);
/// What a reader that does not read may hold: a window of the link, and a buffer on each side of it.
const SLOW_READER_KIB: u64 = 768;

const IDLE_CLIENTS: u64 = 20_000;
/// Below it the case shows nothing.
const FEWEST_CLIENTS: u64 = 4_000;
/// Files that this test and the host agent have open beside the clients' connections.
const OTHER_FILES: u64 = 400;
/// What the host agent keeps for each: its connection, and what watches that while it is attached. Its process is one
/// more, but all clients here are of one.
const FILES_OF_A_CLIENT: u64 = 2;
/// The part of its files that the host agent keeps for everything else.
const PART_FOR_THE_REST: u64 = 8;
/// What a client that does nothing may cost.
const IDLE_CLIENT_KIB: u64 = 24;

/// Events, and who follows them.
const EVENTS: usize = 3_000;
const EVENT_FOLLOWERS: usize = 10;

/// Lets as many files be open as clients will be. A process inherits the limits, so it is asked for before the machine
/// starts.
pub fn raise_file_limit() {
    let wanted = Some(IDLE_CLIENTS + OTHER_FILES);
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: wanted.max(limit.current),
        maximum: wanted.max(limit.maximum),
    };
    if setrlimit(Resource::Nofile, raised).is_err() {
        let most = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        // Then it stays as it is, and the case uses what there is.
        let _ = setrlimit(Resource::Nofile, most);
    }
}

pub fn hundred_slow_readers(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let socket = machine.socket_of(&Door::Endpoint)?;
    docker
        .run(["run", "--name", "long", IMAGE, "seq", "1000000"])
        .run()?
        .success()?;
    let agent = machine.pinnace.status()?.host_agent.pid;
    let before = rss_kib(agent)?;
    let mut readers = (0..SLOW_READERS)
        .map(|_| follow_slowly(&socket))
        .collect::<Result<Vec<_>>>()?;
    let reading = AtomicBool::new(true);
    let worked = thread::scope(|scope| {
        scope.spawn(|| {
            while reading.load(Ordering::Acquire) {
                for reader in &mut readers {
                    // A reader that was thrown out fails below.
                    let _ = reader.read(&mut [0]);
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
        let begun = Instant::now();
        let mut rounds = 0;
        let mut worked = Ok(());
        while worked.is_ok() && (begun.elapsed() < SLOW_FOR || rounds == 0) {
            worked = work(machine);
            rounds += 1;
        }
        reading.store(false, Ordering::Release);
        machine
            .home
            .journal()
            .note(format!("{rounds} rounds of work in {:?}", begun.elapsed()));
        worked
    });
    worked.context("beside slow readers")?;
    let grown = rss_kib(agent)?.saturating_sub(before);
    report(
        machine,
        &format!("{SLOW_READERS} slow readers cost the host agent {grown} KiB"),
    );
    for reader in &mut readers {
        ensure!(reader.read(&mut [0])? == 1, "a slow reader was thrown out");
    }
    drop(readers);
    docker.remove("long")?;
    let most = SLOW_READER_KIB * SLOW_READERS as u64;
    ensure!(
        grown < most,
        "the host agent grew by {grown} KiB, more than {most}"
    );
    Ok(())
}

/// A connection on which logs come that nobody reads yet.
fn follow_slowly(socket: &Path) -> Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(b"GET /v1.44/containers/long/logs?stdout=1 HTTP/1.1\r\nHost: docker\r\n\r\n")?;
    let mut start = [0; 15];
    stream.read_exact(&mut start)?;
    ensure!(
        start.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&start)
    );
    Ok(stream)
}

fn work(machine: &Machine) -> Result<()> {
    let limit = Duration::from_secs(60);
    let text = machine
        .docker
        .run(["run", "--rm", IMAGE, "echo", "hi"])
        .within(limit)
        .text()?;
    ensure!(text == "hi", "it printed {text}");
    let input = Random::seeded(5).bytes(1 << 20);
    let run = machine
        .docker
        .run(["run", "--rm", "-i", IMAGE, "cat"])
        .input(input.clone())
        .within(limit);
    ensure!(run.run()?.success()?.stdout == input, "other bytes came back");
    Ok(())
}

pub fn idle_clients(machine: &Machine) -> Result<()> {
    let socket = machine.socket_of(&Door::Endpoint)?;
    let agent = machine.pinnace.status()?.host_agent.pid;
    let limit = |limits: &str| -> Option<u64> {
        let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
        line.split_whitespace().nth(4)?.parse().ok()
    };
    let of_agent = limit(&std::fs::read_to_string(format!("/proc/{agent}/limits"))?).context("no limit")?;
    let own = getrlimit(Resource::Nofile)
        .current
        .unwrap_or(u64::MAX)
        .saturating_sub(OTHER_FILES);
    let places = (of_agent - of_agent / PART_FOR_THE_REST) / FILES_OF_A_CLIENT;
    let count = IDLE_CLIENTS.min(own).min(places.saturating_sub(OTHER_FILES));
    ensure!(
        count >= FEWEST_CLIENTS,
        "this host lets us have {own} files, and the host agent {of_agent}"
    );
    ping(&socket)?;
    let before = rss_kib(agent)?;
    let mut clients = Vec::new();
    for number in 0..count {
        let client = Wire::open(&socket);
        clients.push(client.with_context(|| format!("client {number} of {count} was kept out"))?);
    }
    // Each asked once, so each has been served: none waits at the door.
    for client in &mut clients {
        client.ask("GET", "/_ping")?;
        let head = client.head_of(200)?;
        client.body(&head)?;
    }
    let grown = rss_kib(agent)?.saturating_sub(before);
    let each = grown as f64 / count as f64;
    report(
        machine,
        &format!("{count} idle clients cost the host agent {grown} KiB, {each:.1} KiB each"),
    );
    ensure!(ping(&socket)?.0 == 200, "a new client is not served");
    work(machine).context("beside idle clients")?;
    if count + 2 * OTHER_FILES < own && places < IDLE_CLIENTS {
        wait_for_places(&socket, &mut clients)?;
    }
    drop(clients);
    ensure!(ping(&socket)?.0 == 200);
    ensure!(
        grown < count * IDLE_CLIENT_KIB,
        "each cost {each:.1} KiB, more than {IDLE_CLIENT_KIB}"
    );
    Ok(())
}

/// More clients than the host agent has files for wait, and have their turn once others have gone.
fn wait_for_places(socket: &Path, clients: &mut Vec<Wire>) -> Result<()> {
    let mut waiting = Vec::new();
    for number in 0..2 * OTHER_FILES {
        let mut client = Wire::open(socket).with_context(|| format!("late client {number} cannot wait"))?;
        client.ask("GET", "/_ping")?;
        waiting.push(client);
    }
    clients.drain(..2 * usize::try_from(OTHER_FILES)?);
    for (number, client) in waiting.iter_mut().enumerate() {
        client
            .head_of(200)
            .with_context(|| format!("late client {number} never had its turn"))?;
    }
    Ok(())
}

/// Execs are made, which are never started, as fast as the engine can; each is an event for each of the followers.
pub fn flood_of_events(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["run", "-d", "--init", "--name", "busy", IMAGE, "sleep", "1000"])
        .text()?;
    let socket = machine.socket_of(&Door::Endpoint)?;
    let followers = (0..EVENT_FOLLOWERS)
        .map(|_| {
            let mut wire = Wire::open(&socket)?;
            let filters = "%7B%22container%22:%5B%22busy%22%5D%7D";
            wire.ask("GET", &format!("/v1.44/events?filters={filters}"))?;
            // The head comes at once, so from here on nothing is missed.
            wire.head_of(200)?;
            Ok(wire)
        })
        .collect::<Result<Vec<_>>>()?;
    let followers: Vec<_> = followers
        .into_iter()
        .map(|wire| thread::spawn(move || count_execs(wire)))
        .collect();
    let begun = Instant::now();
    let mut maker = Wire::open(&socket)?;
    let body = "{\"Cmd\":[\"true\"]}";
    let request = format!(
        "POST /v1.44/containers/busy/exec HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..EVENTS {
        maker.send(&request)?;
        let head = maker.head_of(201)?;
        maker.body(&head)?;
    }
    for follower in followers {
        let seen = follower
            .join()
            .map_err(|panic| anyhow!("a follower panicked: {panic:?}"))??;
        ensure!(seen == EVENTS, "a follower heard of {seen} events, of {EVENTS}");
    }
    let rate = (EVENTS * EVENT_FOLLOWERS) as f64 / begun.elapsed().as_secs_f64();
    report(
        machine,
        &format!("{rate:.0} events a second went through the endpoint"),
    );
    docker.remove("busy")
}

/// Reads until every event has been seen.
fn count_execs(mut wire: Wire) -> Result<usize> {
    let mut seen = 0;
    let mut tail = Vec::new();
    while seen < EVENTS {
        tail.extend(wire.some()?);
        // An event is a line, whatever chunks it comes in.
        let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let lines: Vec<u8> = tail.drain(..=end).collect();
        seen += String::from_utf8_lossy(&lines)
            .matches("\"Action\":\"exec_create: true")
            .count();
    }
    Ok(seen)
}

#[expect(
    clippy::print_stderr,
    reason = "a figure for people, whether the case fails or not"
)]
fn report(machine: &Machine, figure: &str) {
    machine.home.journal().note(figure);
    eprintln!("\n  {figure}");
}
