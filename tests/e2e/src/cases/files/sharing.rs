//! Folders that are shared and no longer shared while the machine runs.

use anyhow::{Context, Result, ensure};
use api::{MachineState, ShareOrigin, ShareState};

use super::{
    folder::Folder,
    sight::{self, Added},
};
use crate::{IMAGE, Machine};

pub fn refused_until_it_is_added(machine: &Machine) -> Result<()> {
    let folder = Folder::elsewhere(machine, "added")?;
    folder.write("f", "from elsewhere\n")?;
    let (text, bind) = (folder.text(), folder.bind("/m"));
    let advice = format!("pinnace share add {text}");
    let use_it = || sight::run(machine, &["-v", &bind], "cat /m/f");
    let refused = || use_it().run()?.code(125)?.fails_naming(&[&text, &advice]);
    refused()?;
    let device = format!("device={text}");
    machine
        .docker
        .run(["volume", "create", "--opt", "o=bind", "--opt", &device, "refused"])
        .run()?
        .fails_naming(&[&advice])?;
    machine
        .pinnace
        .run(["run", "--rm", "-v", &bind, IMAGE, "cat", "/m/f"])
        .run()?
        .fails_naming(&[&advice])?;
    let before = machine.pinnace.status()?.machine.pid;

    let added = Added::add(machine, &text, &[])?;
    ensure!(use_it().text()? == "from elsewhere");
    let share = sight::share_of(machine, &text)?.context("it is in no list")?;
    ensure!(
        share.state == ShareState::Mounted
            && share.origin == ShareOrigin::Added
            && !share.read_only
            && share.guest_path.is_some(),
        "{share:?}"
    );
    let status = machine.pinnace.status()?;
    let told = status.shares.iter().find(|told| told.path == text);
    ensure!(
        told.is_some_and(|told| told.guest_path == share.guest_path && told.state == share.state),
        "the status has {:?}",
        status.shares
    );
    ensure!(status.machine.pid == before && status.machine.state == MachineState::Running);
    // Once more is no mistake.
    machine.pinnace.run(["share", "add", &text]).run()?.success()?;
    ensure!(use_it().text()? == "from elsewhere");
    let home = machine.home.user().to_string_lossy().into_owned();
    let home = sight::share_of(machine, &home)?.context("the home is in no list")?;
    ensure!(
        home.origin == ShareOrigin::Home && home.state == ShareState::Mounted,
        "{home:?}"
    );

    drop(added);
    ensure!(sight::share_of(machine, &text)?.is_none());
    refused()?;
    ensure!(folder.read("f")? == "from elsewhere\n");
    Ok(())
}

pub fn removed_while_it_is_used(machine: &Machine) -> Result<()> {
    let folder = Folder::elsewhere(machine, "used")?;
    folder.write("f", "used\n")?;
    let text = folder.text();
    let _added = Added::add(machine, &text, &[])?;
    let container = sight::resting(machine, "holder", &[&folder.bind("/m")])?;
    ensure!(container.exec("cat /m/f")? == "used");
    let remove = ["share", "rm", &text];
    machine
        .pinnace
        .run(remove)
        .run()?
        .fails_naming(&["holder", "force"])?;
    ensure!(container.exec("cat /m/f")? == "used");
    machine.pinnace.run(remove).args(["--force"]).run()?.success()?;
    for script in ["cat /m/f", "ls /m", "echo x >/m/new"] {
        let output = sight::exec(machine, "holder", script)?;
        ensure!(!output.status.success(), "`{script}` printed {}", output.text());
    }
    ensure!(!folder.has("new"));
    ensure!(container.exec("echo alive")? == "alive");
    machine.docker.assert_state("holder", "running")?;
    container.remove()?;
    // It can come back.
    machine.pinnace.run(["share", "add", &text]).run()?.success()?;
    ensure!(sight::run(machine, &["-v", &folder.bind("/m")], "cat /m/f").text()? == "used");
    machine.pinnace.run(remove).run()?.success()?;
    Ok(())
}

pub fn read_only_share(machine: &Machine) -> Result<()> {
    let folder = Folder::elsewhere(machine, "read-only")?;
    folder.write("f", "only read\n")?;
    let (text, bind) = (folder.text(), folder.bind("/m"));
    let _added = Added::add(machine, &text, &["--read-only"])?;
    let script = "cat /m/f; echo changed >/m/f; rm -f /m/f; chmod 777 /m/f; echo new >/m/new";
    let output = sight::run(machine, &["-v", &bind], script).run()?;
    ensure!(output.text() == "only read", "it printed {}", output.text());
    output.fails_naming(&["read-only file system"])?;
    ensure!(folder.read("f")? == "only read\n" && !folder.has("new"));
    // What the host changes is seen all the same.
    let container = sight::resting(machine, "reader", &[&bind])?;
    folder.write("f", "changed\n")?;
    sight::wait_printed(machine, "reader", "cat /m/f", "changed")?;
    container.remove()?;
    machine.pinnace.run(["share", "add", &text]).run()?.success()?;
    let share = sight::share_of(machine, &text)?.context("it is in no list")?;
    ensure!(!share.read_only, "{share:?}");
    sight::run(machine, &["-v", &bind], "echo new >/m/new").text()?;
    ensure!(folder.read("new")? == "new\n");
    Ok(())
}

pub fn what_cannot_be_shared(machine: &Machine) -> Result<()> {
    let before = sight::shares(machine)?;
    let home = machine.home.path();
    let folder = Folder::elsewhere(machine, "refusals")?;
    folder.write("file", "no folder")?;
    let paths = [
        "/".to_owned(),
        "/proc".to_owned(),
        "/sys/kernel".to_owned(),
        "/dev".to_owned(),
        "/run".to_owned(),
        home.join("data").to_string_lossy().into_owned(),
        home.join("config").to_string_lossy().into_owned(),
        home.join("run").to_string_lossy().into_owned(),
        format!("{}/missing", folder.text()),
        format!("{}/file", folder.text()),
    ];
    for path in paths {
        machine
            .pinnace
            .run(["share", "add", &path])
            .run()?
            .fails_naming(&[&path])
            .with_context(|| format!("sharing {path}"))?;
    }
    ensure!(sight::shares(machine)? == before, "the shares are others");
    machine
        .pinnace
        .run(["share", "rm", &folder.text()])
        .run()?
        .fails_naming(&[&folder.text()])?;
    Ok(())
}

pub fn home_is_removed_and_added(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "homely")?;
    folder.write("f", "at home\n")?;
    let home = machine.home.user().to_string_lossy().into_owned();
    let bind = folder.bind("/m");
    let use_it = || sight::run(machine, &["-v", &bind], "cat /m/f");
    machine.pinnace.run(["share", "rm", &home]).run()?.success()?;
    let shown = removed(machine, &home)
        .and_then(|()| use_it().run()?.code(125)?.fails_naming(&["pinnace share add"]))
        // It is not back with another host agent.
        .and_then(|_| machine.pinnace.quit(machine.driver.patience()))
        .and_then(|()| machine.start())
        .and_then(|()| removed(machine, &home));
    machine.pinnace.run(["share", "add", &home]).run()?.success()?;
    shown?;
    let share = sight::share_of(machine, &home)?.context("it is in no list")?;
    ensure!(share.origin == ShareOrigin::Home, "{share:?}");
    ensure!(use_it().text()? == "at home");
    Ok(())
}

fn removed(machine: &Machine, path: &str) -> Result<()> {
    let share = sight::share_of(machine, path)?;
    ensure!(share.is_none(), "it is still there: {share:?}");
    Ok(())
}
