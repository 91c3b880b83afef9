//! A client of the engine that finds the machine stopped or paused, where the user chose that it comes up for that.

use anyhow::{Result, ensure};
use api::MachineState;
use pinnace_e2e::Machine;

use crate::{Fault, fake};

pub const CASES: &[Fault] = &[fake(
    "engine_asked_while_stopped_or_paused_comes_up_on_demand",
    comes_up_on_demand,
)];

fn comes_up_on_demand(machine: &Machine) -> Result<()> {
    let config = format!("{}\n[engine]\non_demand = true\n", machine.driver.config());
    machine.home.write_config(config)?;
    machine.pinnace.run(["daemon"]).run()?.success()?;
    let state = machine.pinnace.status()?.machine.state;
    ensure!(
        state == MachineState::Stopped,
        "before anybody asked it is {state:?}"
    );
    asked(machine)?;
    machine.pinnace.run(["pause"]).run()?.success()?;
    asked(machine)
}

fn asked(machine: &Machine) -> Result<()> {
    machine
        .docker
        .run(["version"])
        .within(machine.driver.patience())
        .run()?
        .success()?;
    let state = machine.pinnace.status()?.machine.state;
    ensure!(
        state == MachineState::Running,
        "after the engine was asked it is {state:?}"
    );
    Ok(())
}
