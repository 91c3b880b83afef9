//! What Pinnace is for, a case a line, with the stock docker CLI on a terminal.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::Signal;

use crate::{
    IMAGE, Machine, Terminal,
    pty::{CTRL_C, DETACH_KEYS},
    until,
};

/// "Within seconds", on a busy host.
const SECONDS: Duration = Duration::from_secs(20);
/// The guard's grace, twice over.
const AFTER_GRACE: Duration = Duration::from_secs(5);

pub fn one_ctrl_c_stops_sleep(machine: &Machine) -> Result<()> {
    let mut client = sleeping(machine, "once", &[])?;
    client.type_keys(CTRL_C)?;
    let pressed = Instant::now();
    wait_stopped(machine, "once")?;
    ensure!(pressed.elapsed() < SECONDS, "it took {:?}", pressed.elapsed());
    client.wait_end(SECONDS)?;
    machine.docker.remove("once")
}

pub fn kill_of_the_client_stops(machine: &Machine) -> Result<()> {
    let client = sleeping(machine, "orphan", &[])?;
    client.signal(Signal::KILL)?;
    wait_stopped(machine, "orphan")?;
    machine.docker.remove("orphan")
}

pub fn detach_leaves_it_running(machine: &Machine) -> Result<()> {
    let mut client = sleeping(machine, "left", &["-it"])?;
    until("a terminal in raw mode", machine.driver.patience(), || {
        client.is_raw()
    })?;
    client.type_keys(DETACH_KEYS)?;
    ensure!(client.wait_end(SECONDS)?.success());
    std::thread::sleep(AFTER_GRACE);
    machine.docker.assert_state("left", "running")?;
    machine.docker.remove("left")
}

pub fn piped_input_is_printed(machine: &Machine) -> Result<()> {
    let run = machine
        .docker
        .run(["run", "--rm", "-i", IMAGE, "cat"])
        .input("x\n");
    let text = run.within(machine.driver.patience()).text()?;
    ensure!(text == "x", "it printed {text}");
    Ok(())
}

/// `docker run IMAGE sleep 1000` on a terminal, once `sleep` is PID 1.
pub fn sleeping(machine: &Machine, name: &str, flags: &[&str]) -> Result<Terminal> {
    let run = machine.docker.run(["run", "--name", name]).args(flags);
    let client = run.args([IMAGE, "sleep", "1000"]).on_terminal()?;
    wait_sleeping(machine, name)?;
    Ok(client)
}

/// Waits until a container's PID 1 is `sleep`.
pub fn wait_sleeping(machine: &Machine, name: &str) -> Result<()> {
    until(&format!("a sleep in {name}"), machine.driver.patience(), || {
        let look = ["exec", name, "cat", "/proc/1/comm"];
        Ok(machine.docker.run(look).run()?.text() == "sleep")
    })
}

/// Waits until a container has exited.
pub fn wait_stopped(machine: &Machine, name: &str) -> Result<()> {
    until(&format!("the end of {name}"), machine.driver.patience(), || {
        let state = ["inspect", "--format", "{{.State.Status}}", name];
        Ok(machine.docker.run(state).text()? == "exited")
    })
}
