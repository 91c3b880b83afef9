//! What the commands of `pinnace` print while a machine runs.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Case, Machine};

pub const CASES: &[Case] = &[
    Case {
        name: "start_while_running_changes_nothing",
        run: start_while_running_changes_nothing,
    },
    Case {
        name: "status_while_running_names_driver_engine_and_boot",
        run: status_names_everything,
    },
    Case {
        name: "paths_of_a_home_lie_below_it",
        run: paths_of_a_home_lie_below_it,
    },
    Case {
        name: "docker_host_reaches_the_engine",
        run: docker_host_reaches_the_engine,
    },
    Case {
        name: "version_while_running_names_the_engine",
        run: version_while_running_names_the_engine,
    },
    Case {
        name: "doctor_while_running_finds_no_failure",
        run: doctor_while_running_finds_no_failure,
    },
    Case {
        name: "logs_of_each_source_have_lines",
        run: logs_of_each_source_have_lines,
    },
    Case {
        name: "shell_with_a_command_returns_output_and_exit_code",
        run: shell_returns_output_and_exit_code,
    },
    Case {
        name: "shell_with_input_ends_with_the_input",
        run: shell_with_input_ends_with_the_input,
    },
    Case {
        name: "reset_without_consent_deletes_nothing",
        run: reset_without_consent_deletes_nothing,
    },
    Case {
        name: "completion_for_each_shell_is_printed",
        run: completion_for_each_shell_is_printed,
    },
];

fn start_while_running_changes_nothing(machine: &Machine) -> Result<()> {
    let before = machine.pinnace.status()?;
    machine.pinnace.run(["start"]).run()?.success()?;
    let after = machine.pinnace.status()?;
    ensure!(before.machine.pid == after.machine.pid && before.host_agent.pid == after.host_agent.pid);
    Ok(())
}

fn status_names_everything(machine: &Machine) -> Result<()> {
    let status = machine.pinnace.status()?;
    ensure!(
        status.machine.driver == machine.driver.name(),
        "driver is {}",
        status.machine.driver
    );
    ensure!(status.machine.accelerator.is_some(), "no accelerator");
    ensure!(
        status.engine.version.is_some() && status.engine.api_version.is_some(),
        "{:?}",
        status.engine
    );
    let boot = status.machine.boot.context("no boot")?;
    ensure!(boot.total_ms > 0 && !boot.phases.is_empty(), "{boot:?}");
    ensure!(
        status.image.context("no image")?.sha256.len() == 64,
        "the image's hash is no sha256"
    );
    machine.pinnace.run(["status"]).run()?.success()?;
    Ok(())
}

fn paths_of_a_home_lie_below_it(machine: &Machine) -> Result<()> {
    let paths: Value = serde_json::from_str(&machine.pinnace.run(["paths", "--format", "json"]).text()?)?;
    for name in ["config", "data", "state", "logs", "cache", "run"] {
        let path = paths[name].as_str().with_context(|| format!("no {name}"))?;
        ensure!(
            Path::new(path).starts_with(machine.home.path()),
            "{name} is {path}"
        );
    }
    for name in ["engine_socket", "api_socket"] {
        let path = paths[name]
            .as_str()
            .and_then(|text| text.strip_prefix("unix://"))
            .with_context(|| name)?;
        ensure!(path.len() < 104 && Path::new(path).exists(), "{name} is {path}");
    }
    Ok(())
}

fn docker_host_reaches_the_engine(machine: &Machine) -> Result<()> {
    let host = machine.pinnace.run(["docker-host"]).text()?;
    let version = machine
        .docker
        .run_at(&host, ["version", "--format", "{{.Server.Version}}"])
        .text()?;
    ensure!(
        Some(&version) == machine.pinnace.status()?.engine.version.as_ref(),
        "the engine is {version}"
    );
    Ok(())
}

fn version_while_running_names_the_engine(machine: &Machine) -> Result<()> {
    let engine = machine
        .pinnace
        .status()?
        .engine
        .version
        .context("no engine version")?;
    let text = machine.pinnace.run(["version"]).text()?;
    ensure!(text.contains(&engine), "no {engine} in {text}");
    Ok(())
}

fn doctor_while_running_finds_no_failure(machine: &Machine) -> Result<()> {
    machine.pinnace.run(["doctor"]).run()?.success()?;
    Ok(())
}

fn logs_of_each_source_have_lines(machine: &Machine) -> Result<()> {
    for source in ["host-agent", "guest-agent", "engine", "containerd"] {
        let text = machine.pinnace.run(["logs", source, "--tail", "5"]).text()?;
        let count = text.lines().count();
        ensure!((1..=5).contains(&count), "{source} has {count} lines: {text}");
    }
    Ok(())
}

fn shell_returns_output_and_exit_code(machine: &Machine) -> Result<()> {
    let output = machine
        .pinnace
        .run([
            "shell",
            "--no-tty",
            "--",
            "sh",
            "-c",
            "echo in the machine; exit 7",
        ])
        .run()?;
    let output = output.code(7)?;
    ensure!(output.text() == "in the machine", "it printed {}", output.text());
    Ok(())
}

fn shell_with_input_ends_with_the_input(machine: &Machine) -> Result<()> {
    let output = machine
        .pinnace
        .run(["shell", "--no-tty", "--", "cat"])
        .input("one\ntwo\n")
        .run()?
        .success()?;
    ensure!(output.stdout == b"one\ntwo\n", "it printed {}", output.text());
    Ok(())
}

fn reset_without_consent_deletes_nothing(machine: &Machine) -> Result<()> {
    machine
        .pinnace
        .run(["reset"])
        .run()?
        .code(2)?
        .fails_naming(&["--yes"])?;
    let plan = machine.pinnace.run(["reset", "--dry-run"]).text()?;
    ensure!(plan.contains("data.raw"), "the plan names no data disk: {plan}");
    ensure!(machine.home.data_disk().is_file(), "the data disk is gone");
    Ok(())
}

fn completion_for_each_shell_is_printed(machine: &Machine) -> Result<()> {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let text = machine.pinnace.run(["completion", shell]).text()?;
        ensure!(
            text.contains("docker-host"),
            "the script for {shell} knows no docker-host"
        );
    }
    Ok(())
}
