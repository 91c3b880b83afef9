//! A client's end that is none, or not the last: the container goes on.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::done_when::{sleeping, wait_stopped};
use crate::{EngineEvents, IMAGE, Machine, until};

/// More than the guard's grace of 2 s.
const AFTER_GRACE: Duration = Duration::from_secs(6);

pub fn second_attachment_keeps_it(machine: &Machine) -> Result<()> {
    let events = EngineEvents::follow(&machine.docker)?;
    let owner = sleeping(machine, "shared", &[])?;
    let mut other = machine.docker.run(["attach", "shared"]).on_terminal()?;
    until("two attachments", machine.driver.patience(), || {
        let attached = events
            .of("shared")
            .into_iter()
            .filter(|event| event.action == "attach");
        Ok(attached.count() == 2)
    })?;
    owner.signal(Signal::KILL)?;
    drop(owner);
    thread::sleep(AFTER_GRACE);
    machine.docker.assert_state("shared", "running")?;
    ensure!(other.try_end()?.is_none(), "the other client ended");
    machine.docker.remove("shared")
}

pub fn attachment_during_the_grace_keeps_it(machine: &Machine) -> Result<()> {
    let events = EngineEvents::follow(&machine.docker)?;
    let owner = sleeping(machine, "again", &[])?;
    // Both at once: the grace is only 2 s, which a busy host needs to start a client. Attached to after it has passed,
    // the container would be stopping already, and the attachment's own end would tell.
    owner.signal(Signal::KILL)?;
    let other = machine.docker.run(["attach", "again"]).on_terminal()?;
    until("another attachment or the end", machine.driver.patience(), || {
        let attached = events
            .of("again")
            .into_iter()
            .filter(|event| event.action == "attach");
        Ok(attached.count() == 2 || events.had("again", "die", None))
    })?;
    let too_late = events.had("again", "kill", None);
    thread::sleep(AFTER_GRACE);
    if !too_late {
        machine.docker.assert_state("again", "running")?;
    }
    drop(other);
    machine.docker.remove("again")
}

pub fn pause_is_no_end_of_a_client(machine: &Machine) -> Result<()> {
    let script = "while :; do echo tick; sleep 1; done";
    let run = ["run", "--name", "through", IMAGE, "sh", "-c", script];
    let mut client = machine.docker.run(run).on_terminal()?;
    client.wait_for("tick", machine.driver.patience())?;
    machine.pinnace.run(["pause"]).run()?.success()?;
    thread::sleep(AFTER_GRACE);
    machine.pinnace.run(["resume"]).run()?.success()?;
    let ticks = client.screen().matches("tick").count();
    until("another tick after the pause", machine.driver.patience(), || {
        Ok(client.screen().matches("tick").count() > ticks + 2)
    })?;
    ensure!(client.try_end()?.is_none(), "the client ended");
    machine.docker.assert_state("through", "running")?;
    client.signal(Signal::KILL)?;
    wait_stopped(machine, "through")?;
    machine.docker.remove("through")
}
