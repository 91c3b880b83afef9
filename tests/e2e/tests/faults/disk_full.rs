//! The host's disk fills up while a container writes.

use std::{fs, process::Command};

use anyhow::{Result, ensure};
use api::MachineState;
use pinnace_e2e::{IMAGE, Machine};

use crate::{Fault, qemu};

pub const CASES: &[Fault] = &[qemu(
    "host_disk_full_while_writing_halts_the_vm_and_space_lets_it_go_on",
    halts_and_goes_on,
)];

fn halts_and_goes_on(machine: &Machine) -> Result<()> {
    let data = machine.home.path().join("data");
    fs::create_dir_all(&data)?;
    mount(&["-t", "tmpfs", "-o", "size=700m,mode=700", "tmpfs"], &data)?;
    let result = fill_and_relieve(machine, &data);
    let stopped = machine.pinnace.quit(machine.driver.patience());
    ensure!(
        Command::new("umount").arg(&data).status()?.success(),
        "failed to unmount {}",
        data.display()
    );
    result.and(stopped)
}

fn fill_and_relieve(machine: &Machine, data: &std::path::Path) -> Result<()> {
    machine.start()?;
    machine.docker.import_image()?;
    let write = "dd if=/dev/urandom of=/data/f bs=1M count=800 2>/dev/null && sync && wc -c </data/f";
    let run = [
        "run",
        "--name",
        "filler",
        "-v",
        "filled:/data",
        IMAGE,
        "sh",
        "-c",
        write,
    ];
    let mut writer = machine.docker.run(run).start()?;
    let status = machine.wait_status("a halt for lack of space", |status| {
        status.machine.state == MachineState::Degraded && status.machine.reason.is_some()
    })?;
    let reason = status.machine.reason.unwrap_or_default().to_lowercase();
    ensure!(
        reason.contains("full") || reason.contains("space"),
        "the reason is {reason}"
    );
    ensure!(
        writer.try_wait()?.is_none(),
        "the writer ended though the machine stands still"
    );

    mount(&["-o", "remount,size=2g"], data)?;
    machine.wait_status("the machine going on", |status| {
        status.machine.state == MachineState::Running
    })?;
    let output = writer.wait_with_output()?;
    let written = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        written == (800 << 20).to_string(),
        "the writer ended with {}, {written} bytes",
        output.status
    );
    Ok(())
}

fn mount(arguments: &[&str], at: &std::path::Path) -> Result<()> {
    ensure!(
        Command::new("mount").args(arguments).arg(at).status()?.success(),
        "failed to mount: this case needs root"
    );
    Ok(())
}
