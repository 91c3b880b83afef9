//! The home itself: unwritable, full, over-long, of the wrong kind.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use pinnace_e2e::Machine;

use crate::{Fault, fake};

pub const CASES: &[Fault] = &[
    fake("home_that_is_read_only_is_refused_naming_it", read_only),
    fake("home_that_is_a_file_is_refused_naming_it", a_file),
    fake(
        "home_that_is_too_long_for_sockets_is_refused_naming_the_limit",
        too_long,
    ),
    fake("home_on_a_full_disk_is_refused_naming_the_space", full),
];

fn read_only(machine: &Machine) -> Result<()> {
    let mount = Mount::tmpfs(machine, "ro", "size=1m")?;
    mount.remount("ro")?;
    refused(machine, &mount.path.join("home"), &["ro/home"])
}

fn a_file(machine: &Machine) -> Result<()> {
    let path = machine.home.path().join("a-file");
    fs::write(&path, "not a folder")?;
    refused(machine, &path, &["a-file"])?;
    ensure!(fs::read_to_string(&path)? == "not a folder");
    Ok(())
}

fn too_long(machine: &Machine) -> Result<()> {
    refused(
        machine,
        &machine.home.path().join("l".repeat(120)),
        &["PINNACE_HOME", "long"],
    )
}

fn full(machine: &Machine) -> Result<()> {
    let mount = Mount::tmpfs(machine, "full", "size=64k")?;
    // Fails at the end, and then there is no space.
    let _ = fs::write(mount.path.join("filler"), vec![1; 1 << 20]);
    refused(machine, &mount.path.join("home"), &["space"])
}

/// `pinnace start` with another home inside this one, so that the fixture still finds what is left over, fails naming
/// the words. A host agent that came up to say so is ended.
fn refused(machine: &Machine, home: &Path, words: &[&str]) -> Result<()> {
    let output = machine.pinnace.run(["start"]).env("PINNACE_HOME", home).run()?;
    machine
        .pinnace
        .run(["daemon", "--stop"])
        .env("PINNACE_HOME", home)
        .run()?;
    output.fails_naming(words)?;
    Ok(())
}

/// A small file system inside the home.
struct Mount {
    path: PathBuf,
}

impl Mount {
    fn tmpfs(machine: &Machine, name: &str, options: &str) -> Result<Self> {
        let path = machine.home.path().join(name);
        fs::create_dir(&path)?;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&path)
            .status();
        ensure!(
            mount.context("failed to run mount")?.success(),
            "failed to mount a tmpfs: these cases need root"
        );
        Ok(Self { path })
    }

    fn remount(&self, option: &str) -> Result<()> {
        let options = format!("remount,{option}");
        ensure!(
            Command::new("mount")
                .args(["-o", &options])
                .arg(&self.path)
                .status()?
                .success(),
            "failed to remount"
        );
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily, since a process of a failed case may still be in it; the home's own clean-up ends that.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}
