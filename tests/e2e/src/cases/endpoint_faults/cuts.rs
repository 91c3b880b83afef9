//! One side goes away in the middle.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{
    Door, IMAGE, Machine,
    programs::open_files,
    until,
    wire::{Wire, ping},
};

/// Far more than a cut takes to get through.
const CUT_WITHIN: Duration = Duration::from_secs(60);
/// Uploads that are cut.
const UPLOADS: usize = 40;

/// dockerd has a request's head and asked for the body when it dies. Whether it did what it was asked is not known to
/// anybody, so the client is told, and nobody asks again.
pub fn engine_killed_amid_a_create(machine: &Machine) -> Result<()> {
    let body = format!("{{\"Image\":\"{IMAGE}\",\"Cmd\":[\"true\"],\"Labels\":{{\"case\":\"amid\"}}}}");
    let mut wire = Wire::open(&machine.socket_of(&Door::Endpoint)?)?;
    wire.send(format!(
        "POST /v1.44/containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    ))?;
    wire.head_of(100)?;
    kill_engine(machine)?;
    wire.send_if_open(&body);
    match wire.head() {
        Ok(head) => {
            ensure!(head.status == 502, "the answer was {}", head.text);
            let rest = wire.to_end(CUT_WITHIN)?;
            ensure!(
                String::from_utf8_lossy(&rest).contains("\"message\""),
                "no message"
            );
        }
        Err(error) => machine.home.journal().note(format!("no answer: {error:#}")),
    }
    wait_engine(machine)?;
    let made = machine
        .docker
        .run(["ps", "--all", "--quiet", "--filter", "label=case=amid"])
        .text()?;
    ensure!(made.is_empty(), "the request was sent a second time: {made}");
    Ok(())
}

/// What is cut must not look whole: no last chunk.
pub fn engine_killed_amid_a_stream(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let script = "while :; do echo tick; sleep 0.2; done";
    docker
        .run(["run", "-d", "--name", "ticks", IMAGE, "sh", "-c", script])
        .text()?;
    let mut wire = Wire::open(&machine.socket_of(&Door::Endpoint)?)?;
    wire.ask("GET", "/v1.44/containers/ticks/logs?stdout=1&follow=1")?;
    wire.head_of(200)?;
    wire.take(64)?;
    let mut waiter = docker.run(["wait", "ticks"]).start()?;
    kill_engine(machine)?;
    let rest = wire
        .to_end(CUT_WITHIN)
        .context("the stream goes on without an engine")?;
    ensure!(
        !rest.ends_with(b"0\r\n\r\n"),
        "the stream ends as if it were whole"
    );
    let status = until_end(&mut waiter)?;
    ensure!(!status.success(), "`docker wait` ended well without an engine");
    wait_engine(machine)?;
    docker.assert_state("ticks", "running")?;
    docker.remove("ticks")
}

/// An import that never came whole makes no image, and no connection stays open for it.
pub fn uploads_cut_in_the_middle(machine: &Machine) -> Result<()> {
    let socket = machine.socket_of(&Door::Endpoint)?;
    let agent = machine.pinnace.status()?.host_agent.pid;
    ping(&socket)?;
    let before = open_files(agent)?;
    let content = vec![0x5a; 300_000];
    for number in 0..UPLOADS {
        let mut wire = Wire::open(&socket)?;
        let target = format!("/v1.44/images/create?fromSrc=-&repo=cut&tag={number}");
        let framing = if number % 2 == 0 {
            "Content-Length: 900000".to_owned()
        } else {
            "Transfer-Encoding: chunked".to_owned()
        };
        wire.send(format!(
            "POST {target} HTTP/1.1\r\nHost: docker\r\n{framing}\r\n\r\n"
        ))?;
        if number % 2 == 1 {
            wire.send(format!("{:x}\r\n", content.len() * 3))?;
        }
        wire.send(&content)?;
        if number % 4 > 1 {
            // Half-closed only: the end of the input comes too early.
            wire.end_input()?;
            let answer = wire.to_end(CUT_WITHIN)?;
            let answer = String::from_utf8_lossy(&answer);
            ensure!(
                !answer.contains("\"status\":\"sha256"),
                "a cut import was taken: {answer}"
            );
        }
    }
    until("the end of every cut connection", CUT_WITHIN, || {
        Ok(open_files(agent)? <= before + 4)
    })
    .with_context(|| format!("files before {before}, now {:?}", open_files(agent)))?;
    let images = machine.docker.run(["images", "--quiet", "cut"]).text()?;
    ensure!(images.is_empty(), "cut imports became images: {images}");
    ensure!(ping(&socket)?.0 == 200);
    Ok(())
}

fn kill_engine(machine: &Machine) -> Result<()> {
    machine.pinnace.shell_text("kill -KILL $(pidof dockerd)")?;
    Ok(())
}

/// Waits until the killed engine has been noticed and replaced.
fn wait_engine(machine: &Machine) -> Result<()> {
    machine.docker.wait_ready(machine.driver.patience())?;
    machine.wait_status("a ready engine", |status| {
        status.engine.state == api::EngineState::Ready
    })?;
    machine.docker.wait_ready(machine.driver.patience())
}

fn until_end(child: &mut std::process::Child) -> Result<std::process::ExitStatus> {
    crate::until_some("the end of the client", CUT_WITHIN, || Ok(child.try_wait()?))
}
