//! The data disk of a VM.

use anyhow::{Result, ensure};

use crate::{Case, IMAGE, Machine};

pub const CASES: &[Case] = &[Case {
    name: "larger_disk_in_the_settings_grows_it_and_keeps_the_data",
    run: larger_disk_grows,
}];

const GIB_IN_KIB: u64 = 1 << 20;

fn larger_disk_grows(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let write = "echo from before >/data/f";
    docker
        .run(["run", "--rm", "-v", "grown:/data", IMAGE, "sh", "-c", write])
        .text()?;
    let before = size_kib(machine)?;
    machine.stop()?;
    let config = machine.home.config()?;
    let larger = config.replace("disk_gib = 8", "disk_gib = 12");
    ensure!(config != larger, "the settings have no size: {config}");
    machine.home.write_config(larger)?;
    machine.start()?;
    let after = size_kib(machine)?;
    let text = docker
        .run(["run", "--rm", "-v", "grown:/data", IMAGE, "cat", "/data/f"])
        .text()?;
    docker.run(["volume", "rm", "grown"]).text()?;
    ensure!(text == "from before", "the volume has {text}");
    ensure!(
        after > before + 3 * GIB_IN_KIB,
        "the disk had {before} KiB and has {after} KiB"
    );
    Ok(())
}

/// The size of the file system that the engine keeps its files on.
fn size_kib(machine: &Machine) -> Result<u64> {
    let text = machine
        .pinnace
        .shell_text("df -k /var/lib/docker | tail -n 1 | awk '{ print $2 }'")?;
    Ok(text.parse()?)
}
