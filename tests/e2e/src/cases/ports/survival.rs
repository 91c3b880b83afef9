//! Ports over the ends and pauses of whatever keeps them.

use std::time::Duration;

use anyhow::{Result, ensure};
use api::{ForwardState, MachineState};

use super::{
    container::{Container, WEB},
    place, probe,
};
use crate::{DriverKind, Machine, cases::recovery, kill_now};

pub fn pause_and_resume(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let _web = Container::run(machine, "paused", &["-p", &format!("{port}:80")], WEB)?;
    probe::wait_served_locally(machine, port)?;
    machine.pinnace.run(["pause"]).run()?.success()?;
    // A link that is silent for 5 s counts as lost, unless the machine is paused.
    std::thread::sleep(Duration::from_secs(8));
    ensure!(!place::is_free(port), "the port was given up during the pause");
    machine.pinnace.run(["resume"]).run()?.success()?;
    machine.wait_status("a running machine", |status| {
        status.machine.state == MachineState::Running
    })?;
    probe::wait_served_locally(machine, port)?;
    probe::wait_state(machine, port, ForwardState::Open)?;
    Ok(())
}

pub fn kill_of_the_host_agent(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    // The VM ends with its host agent, and the engine starts the container again.
    let options = ["--restart", "always", "-p", &format!("{port}:80")];
    let _web = Container::run(machine, "outlives", &options, WEB)?;
    probe::wait_served_locally(machine, port)?;
    // That it ran is known after a crash of the VM only once it is on the disk.
    machine.pinnace.shell_text("sync")?;
    kill_now(machine.pinnace.status()?.host_agent.pid)?;
    probe::wait_free(machine, port)?;
    machine.start()?;
    probe::wait_state(machine, port, ForwardState::Open)?;
    probe::wait_served_locally(machine, port)
}

pub fn kill_of_dockerd(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let web = Container::run(machine, "lives", &["-p", &format!("{port}:80")], WEB)?;
    probe::wait_served_locally(machine, port)?;
    recovery::kill_dockerd(machine)?;
    machine.docker.assert_state("lives", "running")?;
    probe::wait_served_locally(machine, port)?;
    probe::wait_state(machine, port, ForwardState::Open)?;
    // The new dockerd knows of it: it lets go of the port with the container.
    web.remove()?;
    probe::wait_free(machine, port)
}

pub fn stop_and_start(machine: &Machine) -> Result<()> {
    let (kept, gone) = (place::free_port()?, place::free_port()?);
    let options = ["--restart", "always", "-p", &format!("{kept}:80")];
    let _kept = Container::run(machine, "kept", &options, WEB)?;
    let _gone = Container::run(machine, "gone", &["-p", &format!("{gone}:80")], WEB)?;
    probe::wait_served_locally(machine, kept)?;
    probe::wait_served_locally(machine, gone)?;
    machine.stop()?;
    probe::wait_free(machine, kept)?;
    probe::wait_free(machine, gone)?;
    machine.start()?;
    probe::wait_served_locally(machine, kept)?;
    ensure!(
        place::is_free(gone),
        "the port of a container that does not run is bound"
    );
    if machine.driver == DriverKind::Fake {
        machine.docker.run(["start", "gone"]).text()?;
        probe::wait_served_locally(machine, gone)?;
    }
    Ok(())
}
