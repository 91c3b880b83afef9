//! Folders of the host that go, change places, or fill up.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use super::{
    folder::Folder,
    sight::{self, Added},
};
use crate::{Machine, until};

const CANARY: &str = "canary";
/// How often a container looks for what it must not see.
const LOOKS: u32 = 50;

/// Fails if a container gets to see the canary at `path`, now or after more looks.
fn never_seen(machine: &Machine, container: &str, path: &str) -> Result<()> {
    let script = format!("for i in $(seq {LOOKS}); do cat {path}/f; ls {path}; done 2>&1; true");
    let seen = sight::exec(machine, container, &script)?.text();
    ensure!(!seen.contains(CANARY), "the container sees {seen}");
    Ok(())
}

/// A folder that no share holds and nobody may see.
fn canary(machine: &Machine) -> Result<Folder> {
    let canary = Folder::elsewhere(machine, "canary")?;
    canary.write("f", CANARY)?;
    canary.write("canary-too", CANARY)?;
    Ok(canary)
}

/// The folder of a share is moved away, its place is taken by a link to another one, and it comes back.
pub fn share_is_replaced_by_a_link(machine: &Machine) -> Result<()> {
    let folder = Folder::elsewhere(machine, "moving")?;
    folder.write("f", "own\n")?;
    let canary = canary(machine)?;
    let (text, bind) = (folder.text(), folder.bind("/m"));
    let away = PathBuf::from(format!("{text}-away"));
    let _added = Added::add(machine, &text, &[])?;
    let container = sight::resting(machine, "moving", &[&bind])?;
    ensure!(container.exec("cat /m/f")? == "own");
    fs::rename(&folder.path, &away)?;
    symlink(&canary.path, &folder.path)?;
    let looked = never_seen(machine, "moving", "/m").and_then(|()| {
        // A new container neither, whatever it gets.
        let output = sight::run(machine, &["-v", &bind], "cat /m/f; ls /m").run()?;
        ensure!(
            !output.text().contains(CANARY),
            "a new container sees {}",
            output.text()
        );
        container.exec("echo still alive").map(drop)
    });
    fs::remove_file(&folder.path)?;
    fs::rename(&away, &folder.path)?;
    looked?;
    until("the share being there again", machine.driver.patience(), || {
        let output = sight::run(machine, &["-v", &bind], "cat /m/f").quietly().run()?;
        Ok(output.status.success() && output.text() == "own")
    })
}

/// The folder of a share is deleted, and made anew.
pub fn share_is_deleted(machine: &Machine) -> Result<()> {
    let folder = Folder::elsewhere(machine, "deleted")?;
    folder.write("f", "first\n")?;
    let (text, bind) = (folder.text(), folder.bind("/m"));
    let _added = Added::add(machine, &text, &[])?;
    let container = sight::resting(machine, "deleted", &[&bind])?;
    ensure!(container.exec("cat /m/f")? == "first");
    fs::remove_dir_all(&folder.path)?;
    sight::wait_printed(machine, "deleted", "cat /m/f || echo none", "none")?;
    ensure!(container.exec("echo alive")? == "alive");
    fs::create_dir(&folder.path)?;
    folder.write("f", "second\n")?;
    until("the share being there again", machine.driver.patience(), || {
        let output = sight::run(machine, &["-v", &bind], "cat /m/f").quietly().run()?;
        Ok(output.status.success() && output.text() == "second")
    })
}

/// The folder that a container mounts lies in a share: it is moved, deleted, and replaced by a link.
pub fn mounted_folder_is_replaced(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "replaced")?;
    let project = Folder::make(folder.path.join("project"))?;
    project.write("f", "own\n")?;
    let canary = canary(machine)?;
    let container = sight::resting(machine, "replaced", &[&project.bind("/m"), &folder.bind("/all")])?;
    ensure!(container.exec("cat /m/f /all/project/f")? == "own\nown");
    let away = folder.path.join("away");
    fs::rename(&project.path, &away)?;
    symlink(&canary.path, &project.path)?;
    never_seen(machine, "replaced", "/m")?;
    never_seen(machine, "replaced", "/all/project")?;
    sight::wait_printed(machine, "replaced", "cat /all/away/f", "own")?;
    fs::remove_dir_all(&away)?;
    sight::wait_printed(machine, "replaced", "cat /m/f || echo none", "none")?;
    fs::remove_file(&project.path)?;
    fs::create_dir(&project.path)?;
    project.write("f", "anew\n")?;
    sight::wait_printed(machine, "replaced", "cat /all/project/f", "anew")?;
    ensure!(sight::run(machine, &["-v", &project.bind("/m")], "cat /m/f").text()? == "anew");
    Ok(())
}

pub fn disk_is_full(machine: &Machine) -> Result<()> {
    let folder = Folder::elsewhere(machine, "small")?;
    let disk = Disk::mount(&folder.path)?;
    folder.write("kept", "kept\n")?;
    let added = Added::add(machine, &folder.text(), &[])?;
    let container = sight::resting(machine, "small", &[&folder.bind("/m")])?;
    let fill = "dd if=/dev/zero of=/m/filler bs=64k count=512 && sync /m/filler";
    let output = sight::exec(machine, "small", fill)?;
    output.fails_naming(&["no space left on device"])?;
    ensure!(folder.read("kept")? == "kept\n");
    ensure!(container.exec("cat /m/kept")? == "kept");
    let (inside, host) = (
        container.exec("stat -c %s /m/filler")?,
        fs::metadata(folder.path.join("filler"))?.len(),
    );
    ensure!(
        inside == host.to_string(),
        "inside it is of {inside} bytes, on the host of {host}"
    );
    let free = container.exec("df -k /m | tail -n 1")?;
    ensure!(free.contains("100%"), "df tells {free}");
    fs::remove_file(folder.path.join("filler"))?;
    sight::wait_printed(machine, "small", "echo more >/m/more && cat /m/more", "more")?;
    ensure!(folder.read("more")? == "more\n");
    drop((container, added, disk));
    Ok(())
}

/// A disk of 8 MiB.
struct Disk {
    path: PathBuf,
}

impl Disk {
    fn mount(path: &Path) -> Result<Self> {
        let mount = ["-t", "tmpfs", "-o", "size=8m", "tmpfs"];
        ensure!(
            Command::new("mount").args(mount).arg(path).status()?.success(),
            "failed to mount: this case needs root"
        );
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the host agent may still be letting go of it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}
