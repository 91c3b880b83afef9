//! QEMU: missing, too old, broken.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use anyhow::{Result, ensure};
use pinnace_e2e::Machine;

use crate::{Fault, qemu};

pub const CASES: &[Fault] = &[
    qemu("qemu_missing_is_refused_naming_how_to_get_it", missing),
    qemu("qemu_too_old_is_refused_naming_both_versions", too_old),
    qemu("qemu_that_only_fails_is_refused_naming_its_words", only_fails),
];

fn missing(machine: &Machine) -> Result<()> {
    let nowhere = machine.home.path().join("no-qemu");
    let start = machine
        .pinnace
        .run(["start"])
        .env("PINNACE_QEMU", &nowhere)
        .run()?;
    ensure!(!start.status.success(), "it started without QEMU");
    start.fails_naming(&["qemu", "hint:"])?;
    machine
        .pinnace
        .run(["doctor"])
        .env("PINNACE_QEMU", &nowhere)
        .run()?
        .code(1)?;
    Ok(())
}

fn too_old(machine: &Machine) -> Result<()> {
    let script = script(machine, "echo 'QEMU emulator version 4.2.1 (Debian 1:4.2-3)'")?;
    let start = machine
        .pinnace
        .run(["start"])
        .env("PINNACE_QEMU", &script)
        .run()?;
    start.fails_naming(&["4.2", "7.2", "hint:"])?;
    Ok(())
}

fn only_fails(machine: &Machine) -> Result<()> {
    let script = script(machine, "echo 'the rigging is torn' >&2; exit 1")?;
    machine
        .pinnace
        .run(["start"])
        .env("PINNACE_QEMU", &script)
        .run()?
        .fails_naming(&["rigging"])?;
    Ok(())
}

/// A program that stands in for QEMU.
fn script(machine: &Machine, body: &str) -> Result<PathBuf> {
    let path = machine.home.path().join("qemu-system-stand-in");
    fs::write(&path, format!("#!/bin/sh\n{body}\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
