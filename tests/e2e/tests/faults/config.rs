//! The settings file in every bad shape.

use anyhow::{Result, ensure};
use pinnace_e2e::Machine;

use crate::{Fault, fake};

pub const CASES: &[Fault] = &[
    fake("config_empty_starts_the_host_agent_with_defaults", empty),
    fake("config_with_a_byte_order_mark_is_read", byte_order_mark),
    fake("config_with_unknown_keys_warns_and_starts", unknown_keys),
    fake(
        "config_truncated_refuses_to_start_naming_file_and_line",
        truncated,
    ),
    fake(
        "config_with_a_wrong_type_refuses_to_start_naming_file_and_line",
        wrong_type,
    ),
    fake(
        "config_with_an_unknown_driver_refuses_to_start_naming_it",
        unknown_driver,
    ),
    fake(
        "config_out_of_range_refuses_to_start_naming_the_key",
        out_of_range,
    ),
    fake(
        "config_that_is_not_text_refuses_to_start_naming_the_file",
        not_text,
    ),
    fake("config_repaired_after_a_refusal_starts", repaired),
];

fn empty(machine: &Machine) -> Result<()> {
    machine.home.write_config("")?;
    machine.pinnace.run(["daemon"]).run()?.success()?;
    let status = machine.pinnace.status()?;
    ensure!(
        status.machine.cpus >= 1 && status.machine.memory_mib >= 512,
        "{:?}",
        status.machine
    );
    ensure!(
        status.host_agent.warnings.is_empty(),
        "{:?}",
        status.host_agent.warnings
    );
    Ok(())
}

fn byte_order_mark(machine: &Machine) -> Result<()> {
    machine
        .home
        .write_config(format!("\u{feff}{}", machine.driver.config()))?;
    machine.start()
}

fn unknown_keys(machine: &Machine) -> Result<()> {
    machine.home.write_config(format!(
        "{}colour = \"red\"\n[ship]\nsails = 3\n",
        machine.driver.config()
    ))?;
    machine.start()?;
    let warnings = machine.pinnace.status()?.host_agent.warnings.join("\n");
    for key in ["colour", "ship"] {
        ensure!(warnings.contains(key), "no warning names {key}: {warnings}");
    }
    Ok(())
}

fn truncated(machine: &Machine) -> Result<()> {
    refused(machine, b"[machine]\ndriver = \"fa", &["config.toml:2"])
}

fn wrong_type(machine: &Machine) -> Result<()> {
    refused(
        machine,
        b"[machine]\n\ncpus = \"many\"\n",
        &["config.toml:3", "cpus"],
    )
}

fn unknown_driver(machine: &Machine) -> Result<()> {
    refused(
        machine,
        b"[machine]\ndriver = \"sail\"\n",
        &["config.toml", "sail"],
    )
}

fn out_of_range(machine: &Machine) -> Result<()> {
    refused(machine, b"[machine]\ndriver = \"fake\"\ncpus = 0\n", &["cpus"])
}

fn not_text(machine: &Machine) -> Result<()> {
    refused(machine, &[0xff, 0xfe, 0, 1, 2], &["config.toml"])
}

fn repaired(machine: &Machine) -> Result<()> {
    refused(machine, b"[machine", &["config.toml:1"])?;
    machine.home.write_config(machine.driver.config())?;
    machine.start()
}

/// The machine does not start; everything else works.
fn refused(machine: &Machine, content: &[u8], words: &[&str]) -> Result<()> {
    machine.home.write_config(content)?;
    let output = machine
        .pinnace
        .run(["start"])
        .run()?
        .fails_naming(words)?
        .fails_naming(&["hint:"])?;
    ensure!(
        output.stderr.lines().count() < 12,
        "more than a few lines: {}",
        output.stderr
    );
    machine.pinnace.run(["status"]).run()?.code(3)?;
    machine.pinnace.run(["paths"]).run()?.success()?;
    machine.pinnace.run(["logs"]).run()?.success()?;
    Ok(())
}
