//! The signal doctor's word, compared with what really happens.

use std::{thread, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{cell::Pid1, facts::Facts, interpreters};
use crate::{Machine, until};

/// A signal's way to a program that has nothing else to do, on a busy host.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// PID 1, what is said of it, and whether it is alive after SIGTERM, and then after SIGINT.
const KINDS: &[(Pid1, &str, bool, bool)] = &[
    (Pid1::Sleep, "ignores_both", true, true),
    (Pid1::Sh, "ignores_terminate", true, true),
    (Pid1::NodeLike, "handles", true, true),
    (Pid1::PythonLike, "ignores_terminate", true, false),
    (Pid1::Tini, "handles", false, false),
    (Pid1::Bash, "ignores_terminate", true, true),
    (Pid1::BashTrap, "handles", true, true),
    (Pid1::Python, "ignores_terminate", true, false),
    (Pid1::PythonDeaf, "ignores_terminate", true, false),
];

pub fn doctor_is_right(machine: &Machine) -> Result<()> {
    interpreters::import(machine)?;
    let docker = &machine.docker;
    let name = |pid1: Pid1| format!("doctor-{pid1:?}").to_lowercase();
    for (pid1, ..) in KINDS {
        let run = docker
            .run(["run", "-d", "--name", &name(*pid1)])
            .args(pid1.flags());
        run.args([pid1.image()]).args(pid1.argv()).text()?;
    }
    until("every PID 1", machine.driver.patience(), || {
        let facts = Facts::look(machine)?;
        Ok(KINDS.iter().all(|(pid1, ..)| {
            let fact = facts.containers.get(&name(*pid1));
            fact.is_some_and(|fact| pid1.is(fact))
        }))
    })?;
    let listed: Value = serde_json::from_str(&machine.pinnace.run(["ps", "--format", "json"]).text()?)?;
    let table = machine.pinnace.run(["ps"]).text()?;
    for (pid1, expected, ..) in KINDS {
        let name = name(*pid1);
        let row = listed
            .as_array()
            .into_iter()
            .flatten()
            .find(|row| row["name"] == name.as_str());
        let verdict = &row.with_context(|| format!("no {name} in {listed}"))?["stop"]["verdict"]["kind"];
        ensure!(
            verdict == expected,
            "{name}: the verdict is {verdict}, not {expected}"
        );
    }
    let advised = table
        .lines()
        .find(|line| line.contains("doctor-sleep"))
        .context("no sleep in the table")?;
    ensure!(
        advised.contains("ignores SIGINT and SIGTERM; add --init"),
        "{advised}"
    );

    // In this order, because the programs that hear one of them alone hear SIGINT.
    for (signal, step) in [("TERM", 0), ("INT", 1)] {
        for (pid1, ..) in KINDS {
            // One that has ended already hears nothing.
            docker.run(["kill", "--signal", signal, &name(*pid1)]).run()?;
        }
        thread::sleep(HEARD_WITHIN);
        for (pid1, verdict, after_term, after_int) in KINDS {
            let expected = [*after_term, *after_int][step];
            let name = name(*pid1);
            let alive = docker
                .run(["inspect", "--format", "{{.State.Running}}", &name])
                .text()?
                == "true";
            ensure!(alive == expected, "{name}: alive is {alive} after {signal}");
            let deaf = *verdict == "ignores_both" || signal == "TERM" && *verdict == "ignores_terminate";
            ensure!(
                alive || !deaf,
                "{name} ended by a signal that it is said to ignore"
            );
        }
    }
    let names: Vec<String> = KINDS.iter().map(|(pid1, ..)| name(*pid1)).collect();
    docker.run(["rm", "--force"]).args(&names).text()?;
    Ok(())
}
