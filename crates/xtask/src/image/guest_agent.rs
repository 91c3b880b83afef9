//! Builds the guest agent for an image, or takes the given one, and checks that it can run as the first process.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use object::{
    Object, elf,
    read::elf::{FileHeader, ProgramHeader},
};

use super::arch::Arch;
use crate::{cross_toolchain, shell};

const PACKAGE: &str = "pinnace-guest-agent";
const PROFILE: &str = "guest";

/// It is loaded into every machine's memory before anything else.
const LIMIT_BYTES: usize = 3 << 20;

/// Returns the program's bytes.
pub fn obtain(given: Option<&Path>, arch: Arch) -> Result<Vec<u8>> {
    let path = match given {
        Some(path) => path.to_path_buf(),
        None => build(arch)?,
    };
    let program = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
    check(&program, arch).with_context(|| format!("{} cannot be the guest agent", path.display()))?;
    Ok(program)
}

fn build(arch: Arch) -> Result<PathBuf> {
    let target = arch.rust_target();
    let mut cargo = if arch == Arch::native() && cfg!(target_os = "linux") {
        shell::cargo()
    } else {
        let mut cargo = cross_toolchain::prepare()?.cargo();
        cargo
            .arg("-Zbuild-std=std,panic_abort")
            .env(target_variable(target, "LINKER"), arch.cross_linker());
        cargo
    };
    cargo.args([
        "build",
        "--package",
        PACKAGE,
        "--profile",
        PROFILE,
        "--target",
        target,
    ]);
    flags(&mut cargo, target);
    shell::run(&mut cargo).context("failed to build the guest agent")?;
    Ok(shell::target_dir().join(target).join(PROFILE).join(PACKAGE))
}

/// Static linking, and the same bytes wherever the checkout is.
fn flags(cargo: &mut Command, target: &str) {
    let root = shell::root();
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut flags = format!(
        "-Ctarget-feature=+crt-static --remap-path-prefix={}=/pinnace",
        root.display()
    );
    if let Some(home) = cargo_home {
        flags.push_str(&format!(" --remap-path-prefix={}=/cargo", home.display()));
    }
    cargo
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env(target_variable(target, "RUSTFLAGS"), flags);
}

fn target_variable(target: &str, name: &str) -> String {
    format!("CARGO_TARGET_{}_{name}", target.to_uppercase().replace('-', "_"))
}

fn check(program: &[u8], arch: Arch) -> Result<()> {
    let machine = match arch {
        Arch::Amd64 => elf::EM_X86_64,
        Arch::Arm64 => elf::EM_AARCH64,
    };
    ensure!(
        object::File::parse(program).is_ok_and(|file| file.is_64()),
        "it is not a 64-bit ELF file"
    );
    let header = elf::FileHeader64::<object::Endianness>::parse(program)?;
    let endian = header.endian()?;
    ensure!(
        header.e_machine(endian) == machine,
        "it is not for {}",
        arch.name()
    );
    let segments = header.program_headers(endian, program)?;
    if segments
        .iter()
        .any(|segment| segment.p_type(endian) == elf::PT_INTERP)
    {
        bail!("it is not static: it asks for a dynamic loader");
    }
    ensure!(
        program.len() <= LIMIT_BYTES,
        "it has {} bytes, more than {LIMIT_BYTES}",
        program.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Arch, check};

    #[test]
    fn check_dynamic_program_given_fails() {
        // This test itself is a program that asks for a dynamic loader.
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let error = check(&program, Arch::native()).unwrap_err();
        assert!(error.to_string().contains("static"), "{error}");
    }

    #[test]
    fn check_text_given_fails() {
        assert!(check(b"#!/bin/sh\n", Arch::Amd64).is_err());
    }
}
