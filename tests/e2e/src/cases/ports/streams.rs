//! What bytes do on their way: ends, aborts, and readers that do not read.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use rustix::net::sockopt::set_socket_linger;

use super::{
    container::{Container, WEB},
    memory, place, probe,
};
use crate::{Machine, Random, until};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const REQUEST_BYTES: usize = 3 << 20;
/// What all buffers on the way may hold before a writer has to wait: windows of the link, sockets of two kernels.
const MOST_UNREAD_BYTES: u64 = 64 << 20;
/// What a reader that does not read may cost both agents.
const MOST_GROWTH_KIB: u64 = 8 << 10;
/// When a writer that got nowhere counts as waiting.
const STALL: Duration = Duration::from_secs(3);
const SMALL_REQUESTS: usize = 200;

/// Waits until what is behind a port takes a connection and keeps it: before the server listens, it ends at once.
fn connected(machine: &Machine, port: u16) -> Result<TcpStream> {
    let mut kept = None;
    until("a connection that is kept", machine.driver.patience(), || {
        let stream = probe::connect(LOCALHOST, port)?;
        stream.set_read_timeout(Some(Duration::from_millis(300)))?;
        let mut byte = [0];
        let is_kept = match (&stream).read(&mut byte) {
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            Ok(length) => length > 0,
        };
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        kept = is_kept.then_some(stream);
        Ok(kept.is_some())
    })?;
    kept.context("no connection")
}

/// A server that says something only when it has heard the end.
pub fn half_close(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let publish = format!("{port}:7");
    let _sums = Container::run(machine, "sums", &["-p", &publish], "exec nc -ll -p 7 -e md5sum")?;
    let request = Random::seeded(7).bytes(REQUEST_BYTES);
    let wanted = machine
        .docker
        .run(["exec", "-i", "sums", "md5sum"])
        .input(request.clone())
        .text()?;
    let mut stream = connected(machine, port)?;
    stream.write_all(&request)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(
        answer.trim_end() == wanted,
        "the answer is {answer}, not {wanted}"
    );
    Ok(())
}

pub fn aborts(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let publish = format!("{port}:7");
    let hear =
        "exec nc -ll -p 7 -e sh -c 'if cat >/dev/null; then echo end; else echo abort; fi >>/tmp/heard'";
    let server = Container::run(machine, "hears", &["-p", &publish], hear)?;
    let heard = |count: usize| -> Result<String> {
        let mut last = String::new();
        until("the server hearing of it", machine.driver.patience(), || {
            last = server.exec("cat /tmp/heard 2>/dev/null || true")?;
            Ok(last.lines().count() >= count)
        })?;
        Ok(last.lines().last().unwrap_or_default().to_owned())
    };
    // A connection that was tried before the server listened never got there; those that got there are counted.
    let clean = connected(machine, port)?;
    let before = server
        .exec("cat /tmp/heard 2>/dev/null | wc -l")?
        .trim()
        .parse::<usize>()?;
    clean.shutdown(Shutdown::Write)?;
    let last = heard(before + 1)?;
    ensure!(last == "end", "a clean end arrived as {last}");
    drop(clean);
    let aborted = connected(machine, port)?;
    set_socket_linger(&aborted, Some(Duration::ZERO))?;
    drop(aborted);
    let last = heard(before + 2)?;
    ensure!(last == "abort", "an abort arrived as {last}");
    drop(server);
    abort_of_the_server(machine)
}

/// A program that ends with unread input aborts its connection: that is no clean end for the client either.
fn abort_of_the_server(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let publish = format!("{port}:7");
    let server = Container::run(
        machine,
        "deaf",
        &["-p", &publish],
        "exec nc -ll -p 7 -e sleep 1000",
    )?;
    let mut stream = connected(machine, port)?;
    stream.write_all(b"unread")?;
    // It has to have arrived to be unread.
    until("the bytes in the container", machine.driver.patience(), || {
        let sockets = server.exec("cat /proc/net/tcp /proc/net/tcp6 2>/dev/null")?;
        Ok(sockets.contains(":00000006 "))
    })?;
    server.exec("kill -KILL $(busybox pidof sleep)")?;
    let end = stream.read(&mut [0]);
    ensure!(
        matches!(&end, Err(error) if error.kind() == ErrorKind::ConnectionReset),
        "an abort in the container arrived as {end:?}"
    );
    Ok(())
}

pub fn nobody_serves(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let publish = format!("{port}:9");
    let _idle = Container::run(machine, "idle", &["-p", &publish], "sleep 1000")?;
    // The reset may come before the client knows that it is connected.
    let end = TcpStream::connect((LOCALHOST, port)).and_then(|mut stream| stream.read(&mut [0]));
    ensure!(
        matches!(&end, Err(error) if error.kind() == ErrorKind::ConnectionReset),
        "it arrived as {end:?}"
    );
    Ok(())
}

pub fn back_pressure(machine: &Machine) -> Result<()> {
    let (deaf, loud) = (place::free_port()?, place::free_port()?);
    let options = ["-p", &format!("{deaf}:7"), "-p", &format!("{loud}:9")];
    let serve = "nc -ll -p 9 -e cat /dev/zero & exec nc -ll -p 7 -e sleep 1000";
    let _server = Container::run(machine, "slow", &options, serve)?;
    let mut unheard = connected(machine, deaf)?;
    let unread = connected(machine, loud)?;
    let before = memory::agents_kib(machine)?;
    // Nothing more goes out once every buffer on the way is full.
    unheard.set_write_timeout(Some(STALL))?;
    let block = vec![0; 256 << 10];
    let mut sent = 0;
    let stalled = loop {
        match unheard.write(&block) {
            Ok(length) => sent += length as u64,
            Err(error) => break error,
        }
        ensure!(
            sent < MOST_UNREAD_BYTES,
            "{sent} bytes went to a reader that does not read"
        );
    };
    ensure!(
        matches!(stalled.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "the writer failed: {stalled}"
    );
    let grown = memory::agents_kib(machine)?.saturating_sub(before);
    machine
        .home
        .journal()
        .note(format!("{sent} bytes unread, both agents grew by {grown} KiB"));
    ensure!(grown < MOST_GROWTH_KIB, "both agents grew by {grown} KiB");
    // The other one flows as soon as it is read, after all that time.
    let mut received = 0;
    let mut buffer = vec![0; 256 << 10];
    while received < MOST_UNREAD_BYTES {
        let length = (&unread).read(&mut buffer)?;
        ensure!(length > 0, "the stream ended after {received} bytes");
        received += length as u64;
    }
    Ok(())
}

pub fn small_beside_bulk(machine: &Machine) -> Result<()> {
    let (bulk, small) = (place::free_port()?, place::free_port()?);
    let options = ["-p", &format!("{bulk}:9"), "-p", &format!("{small}:80")];
    let serve = format!("nc -ll -p 9 -e cat /dev/zero & {WEB}");
    let _server = Container::run(machine, "both", &options, &serve)?;
    probe::wait_served(machine, LOCALHOST, small)?;
    let mut stream = connected(machine, bulk)?;
    let going_on = AtomicBool::new(true);
    let (asked, received) = thread::scope(|scope| {
        let reader = scope.spawn(|| -> Result<u64> {
            let mut received = 0;
            let mut buffer = vec![0; 256 << 10];
            while going_on.load(Ordering::Acquire) {
                received += stream.read(&mut buffer)? as u64;
            }
            Ok(received)
        });
        let asked = (0..SMALL_REQUESTS).try_for_each(|number| {
            let answer = probe::get(LOCALHOST, small);
            let answer = answer.with_context(|| format!("request {number} beside a bulk transfer"))?;
            ensure!(answer.ends_with("served\n"), "request {number} got {answer}");
            Ok(())
        });
        going_on.store(false, Ordering::Release);
        (asked, reader.join())
    });
    asked?;
    let received = received.map_err(|panic| anyhow!("the reader panicked: {panic:?}"))??;
    ensure!(received > 0, "the bulk transfer stood still");
    machine
        .home
        .journal()
        .note(format!("{received} bytes beside {SMALL_REQUESTS} requests"));
    Ok(())
}
