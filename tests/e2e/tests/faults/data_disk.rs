//! The data disk: truncated, foreign, read-only, in use. Whatever is on it stays on it.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
};

use anyhow::{Context, Result, ensure};
use pinnace_e2e::{DriverKind, Machine};
use rustix::fs::FlockOperation;

use crate::{Fault, fake, qemu};

pub const CASES: &[Fault] = &[
    fake("data_disk_with_foreign_content_is_refused_and_left", foreign),
    qemu(
        "data_disk_with_foreign_content_is_refused_by_the_vm_and_left",
        foreign,
    ),
    fake("data_disk_truncated_is_refused_and_left", truncated),
    fake("data_disk_that_is_read_only_is_refused_naming_it", read_only),
    fake("data_disk_in_use_is_refused_naming_it", in_use),
    qemu("data_disk_in_use_is_refused_by_the_vm_naming_it", in_use),
];

fn foreign(machine: &Machine) -> Result<()> {
    let path = machine.home.data_disk();
    fs::create_dir_all(path.parent().context("no parent")?)?;
    let content = b"somebody's own data\n".repeat(200_000);
    fs::write(&path, &content)?;
    // A size that the settings ask for does not excuse a write.
    File::options().write(true).open(&path)?.set_len(8 << 30)?;
    machine
        .pinnace
        .run(["start"])
        .within(machine.driver.patience())
        .run()?
        .fails_naming(&["data disk"])?;
    machine.pinnace.quit(machine.driver.patience())?;
    let mut now = vec![0; content.len()];
    std::io::Read::read_exact(&mut File::open(&path)?, &mut now)?;
    ensure!(now == content, "the foreign content was changed");
    Ok(())
}

fn truncated(machine: &Machine) -> Result<()> {
    machine.start()?;
    machine.stop()?;
    let path = machine.home.data_disk();
    let file = File::options().write(true).open(&path)?;
    file.set_len(file.metadata()?.len() / 4)?;
    let start = machine
        .pinnace
        .run(["start"])
        .within(machine.driver.patience())
        .run()?;
    start.fails_naming(&["data disk"])?;
    Ok(())
}

fn read_only(machine: &Machine) -> Result<()> {
    machine.start()?;
    machine.stop()?;
    let path = machine.home.data_disk();
    // Mode bits do not stop root, an immutable file does.
    fs::set_permissions(&path, Permissions::from_mode(0o400))?;
    let chattr = |flag: &str| std::process::Command::new("chattr").arg(flag).arg(&path).status();
    let immutable = chattr("+i").is_ok_and(|status| status.success());
    let start = machine
        .pinnace
        .run(["start"])
        .within(machine.driver.patience())
        .run();
    if immutable {
        ensure!(
            chattr("-i")?.success(),
            "failed to make {} writable again",
            path.display()
        );
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    start?.fails_naming(&["data.raw"])?;
    machine.start()
}

fn in_use(machine: &Machine) -> Result<()> {
    let path = machine.home.data_disk();
    fs::create_dir_all(path.parent().context("no parent")?)?;
    let disk = File::create_new(&path)?;
    disk.set_len(8 << 30)?;
    match machine.driver {
        DriverKind::Fake => disk.lock()?,
        // QEMU locks bytes of its own choice within the file: a lock of the whole file overlaps them.
        DriverKind::Qemu => rustix::fs::fcntl_lock(&disk, FlockOperation::LockExclusive)?,
    }
    let start = machine
        .pinnace
        .run(["start"])
        .within(machine.driver.patience())
        .run()?;
    start.fails_naming(&["data.raw", "in use"])?;
    drop(disk);
    machine.start()
}
