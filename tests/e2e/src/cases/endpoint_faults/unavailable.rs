//! The endpoint of a machine that does not run.

use anyhow::{Result, ensure};

use crate::{Door, Machine, wire::ping};

pub fn ping_says_what_to_do(machine: &Machine) -> Result<()> {
    let socket = machine.socket_of(&Door::Endpoint)?;
    machine.pinnace.run(["pause"]).run()?.success()?;
    let paused = ping(&socket);
    machine.pinnace.run(["resume"]).run()?.success()?;
    let (status, body) = paused?;
    ensure!(
        status == 503 && body.contains("pinnace resume"),
        "paused, it answers {status} {body}"
    );
    ensure!(ping(&socket)?.0 == 200, "resumed, it does not answer");

    machine.stop()?;
    let (status, body) = ping(&socket)?;
    ensure!(
        status == 503 && body.contains("pinnace start"),
        "stopped, it answers {status} {body}"
    );
    machine
        .docker
        .run(["ps"])
        .run()?
        .fails_naming(&["stopped", "pinnace start"])?;
    machine.start()
}
