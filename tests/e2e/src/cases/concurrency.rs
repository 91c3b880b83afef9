//! Many at once.

use anyhow::{Result, ensure};
use api::MachineState;

use crate::{Case, IMAGE, Machine, at_once};

pub const CASES: &[Case] = &[
    Case {
        name: "twenty_runs_at_once_each_get_their_own_output",
        run: twenty_runs_at_once,
    },
    Case {
        name: "twenty_execs_at_once_each_get_their_own_output",
        run: twenty_execs_at_once,
    },
    Case {
        name: "fifty_starts_at_once_make_one_machine",
        run: fifty_starts_at_once_make_one_machine,
    },
];

fn twenty_runs_at_once(machine: &Machine) -> Result<()> {
    each_of(20, |number| {
        let text =
            machine
                .docker
                .run_text(&["sh", "-c", &format!("echo number {number}; cat /proc/self/comm")])?;
        ensure!(
            text == format!("number {number}\ncat"),
            "run {number} printed {text}"
        );
        Ok(())
    })
}

fn twenty_execs_at_once(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["run", "-d", "--init", "--name", "execs", IMAGE, "sleep", "1000"])
        .text()?;
    let result = each_of(20, |number| {
        let input = format!("{number}\n").repeat(1000);
        let output = docker
            .run(["exec", "-i", "execs", "cat"])
            .input(input.clone())
            .run()?
            .success()?;
        ensure!(
            output.stdout == input.as_bytes(),
            "exec {number} printed {} bytes",
            output.stdout.len()
        );
        Ok(())
    });
    docker.remove("execs")?;
    result
}

fn fifty_starts_at_once_make_one_machine(machine: &Machine) -> Result<()> {
    machine.pinnace.quit(machine.driver.patience())?;
    each_of(50, |_| {
        machine
            .pinnace
            .run(["start"])
            .within(machine.driver.patience())
            .run()?
            .success()?;
        Ok(())
    })?;
    let status = machine.pinnace.status()?;
    ensure!(
        status.machine.state == MachineState::Running,
        "{:?}",
        status.machine
    );
    let agents = machine.home.processes().into_iter().filter(|(_, line)| {
        line.split(' ')
            .next()
            .is_some_and(|program| program.ends_with("pinnace-host-agent"))
    });
    let agents: Vec<_> = agents.collect();
    ensure!(agents.len() == 1, "host agents: {agents:?}");
    Ok(())
}

/// Does it `count` times at once; the first error wins.
fn each_of(count: usize, act: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    at_once::each(count, act).into_iter().collect()
}
