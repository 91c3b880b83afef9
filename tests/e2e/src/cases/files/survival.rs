//! Files over the ends and pauses of whatever brings them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::{EngineState, MachineState, Share, ShareState};

use super::{
    folder::Folder,
    sight::{self, Added},
    watching::Watcher,
};
use crate::{
    Machine,
    cases::{ports::container::Container, recovery},
    kill_now, until,
};

const RESTARTING: [&str; 2] = ["--restart", "always"];

fn started_at(machine: &Machine, container: &str) -> Result<String> {
    let inspect = [
        "inspect",
        "--format",
        "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}",
        container,
    ];
    machine.docker.run(inspect).text()
}

/// Waits until a file on the host has a text.
fn wait_text(machine: &Machine, folder: &Folder, name: &str, wanted: &str) -> Result<()> {
    let mut last = None;
    let written = until(
        &format!("{name} having {wanted:?}"),
        machine.driver.patience(),
        || {
            last = folder.read(name).ok();
            Ok(last.as_deref() == Some(wanted))
        },
    );
    written.with_context(|| format!("it has {last:?}"))
}

/// The engine starts such containers by itself, before any client could wait for anything.
pub fn restart_policy_finds_its_files(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "policy")?;
    let added = Folder::elsewhere(machine, "policy")?;
    folder.write("f", "first\n")?;
    added.write("g", "added\n")?;
    let _share = Added::add(machine, &added.text(), &[])?;
    let (home_bind, added_bind) = (folder.bind("/src"), added.bind("/added"));
    let options = [&RESTARTING[..], &["-v", &home_bind, "-v", &added_bind]].concat();
    let script = "cat /src/f /added/g >>/src/starts; exec sleep 1000";
    let container = Container::run(machine, "policy", &options, script)?;
    wait_text(machine, &folder, "starts", "first\nadded\n")?;
    machine.stop()?;
    let waits = |share: &Share| share.state == ShareState::Waiting;
    sight::wait_share(machine, &added.text(), "without a machine", waits)?;
    // Nothing of the machine could see this.
    folder.replace("f", "second\n")?;
    machine.start()?;
    wait_text(machine, &folder, "starts", "first\nadded\nsecond\nadded\n")?;
    ensure!(container.exec("cat /src/f /added/g")? == "second\nadded");
    sight::wait_share(machine, &added.text(), "mounted", |share| {
        share.state == ShareState::Mounted
    })?;

    // Shares are kept by the host agent, whichever it is.
    machine.pinnace.quit(machine.driver.patience())?;
    machine.start()?;
    wait_text(
        machine,
        &folder,
        "starts",
        &("first\nadded\n".to_owned() + &"second\nadded\n".repeat(2)),
    )
}

pub fn kill_of_dockerd(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "dockerd")?;
    folder.write("f", "first\n")?;
    let container = sight::resting(machine, "dockerd", &[&folder.bind("/src")])?;
    let before = started_at(machine, "dockerd")?;
    recovery::kill_dockerd(machine)?;
    ensure!(
        started_at(machine, "dockerd")? == before,
        "the container was started anew"
    );
    folder.write("f", "second\n")?;
    sight::wait_printed(machine, "dockerd", "cat /src/f", "second")?;
    machine.docker.run(["restart", "dockerd"]).text()?;
    ensure!(container.exec("cat /src/f")? == "second");
    Ok(())
}

pub fn pause_and_resume(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "paused")?;
    folder.write("f", "first\n")?;
    let container = sight::resting(machine, "paused", &[&folder.bind("/src")])?;
    ensure!(container.exec("cat /src/f; ! test -e /src/new")? == "first");
    let before = started_at(machine, "paused")?;
    machine.pinnace.run(["pause"]).run()?.success()?;
    folder.write("f", "second\n")?;
    folder.write("new", "new\n")?;
    // A link that is silent for 5 s counts as lost, unless the machine is paused.
    std::thread::sleep(Duration::from_secs(8));
    machine.pinnace.run(["resume"]).run()?.success()?;
    machine.wait_status("a running machine", |status| {
        status.machine.state == MachineState::Running
    })?;
    sight::wait_printed(machine, "paused", "cat /src/f /src/new", "second\nnew")?;
    container.exec("echo inside >/src/inside")?;
    ensure!(folder.read("inside")? == "inside\n");
    ensure!(
        started_at(machine, "paused")? == before,
        "the container was started anew"
    );
    Ok(())
}

/// A container counts in a file, and goes on from what it finds there. The machine ends with its host agent; whatever
/// was written before is on the host.
pub fn kill_of_the_host_agent(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "killed")?;
    let script = "i=$(tail -n 1 /src/log 2>/dev/null); while :; do i=$((i+1)); echo $i >>/src/log; done";
    let bind = folder.bind("/src");
    let options = [&RESTARTING[..], &["-v", &bind]].concat();
    let _counter = Container::run(machine, "counter", &options, script)?;
    let id = ["inspect", "--format", "{{.Id}}", "counter"];
    let before = machine.docker.run(id).text()?;
    for round in 1..=2 {
        let count = || -> Result<usize> { Ok(folder.read("log").unwrap_or_default().lines().count()) };
        let known = count()?;
        until("more numbers", machine.driver.patience(), || {
            Ok(count()? > known + 100)
        })?;
        // That it runs is known after a crash of the machine only once it is on the disk.
        machine.pinnace.shell_text("sync")?;
        kill_now(machine.pinnace.status()?.host_agent.pid)?;
        let written = count()?;
        machine.start()?;
        until("numbers after the kill", machine.driver.patience(), || {
            Ok(count()? > written + 100)
        })?;
        let text = folder.read("log")?;
        // The last line may be amid being written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for (line, wanted) in whole.lines().zip(1..) {
            ensure!(
                line == wanted.to_string(),
                "round {round}: line {wanted} is {line:?}"
            );
        }
    }
    ensure!(
        machine.docker.run(id).text()? == before,
        "it is another container"
    );
    Ok(())
}

/// The host agent stands still for longer than the link may be silent. The machine lives on, and so does the container:
/// it gets errors at most.
pub fn host_agent_stands_still(machine: &Machine) -> Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let folder = Folder::at_home(machine, "still")?;
    folder.write("f", "first\n")?;
    let script = "while :; do echo $(cat /src/f 2>&1); sleep 0.1; done";
    let _reader = Container::run(machine, "reader", &["-v", &folder.bind("/src")], script)?;
    let watcher = Watcher::start(machine, &folder, &["/src"])?;
    let before = started_at(machine, "reader")?;
    let pid = i32::try_from(machine.pinnace.status()?.host_agent.pid)?;
    let pid = Pid::from_raw(pid).context("no process id")?;
    kill_process(pid, Signal::STOP)?;
    // Longer than the 5 s after which a silent link counts as lost.
    std::thread::sleep(Duration::from_secs(12));
    kill_process(pid, Signal::CONT)?;
    machine.wait_status("a ready engine", |status| {
        status.machine.state == MachineState::Running && status.engine.state == EngineState::Ready
    })?;
    folder.write("f", "second\n")?;
    let last = "cat /src/f; echo more >>/src/more && echo written";
    sight::wait_printed(machine, "reader", last, "second\nwritten")?;
    until("the reader reading on", machine.driver.patience(), || {
        let said = machine
            .docker
            .run(["logs", "--tail", "1", "reader"])
            .quietly()
            .text()?;
        Ok(said == "second")
    })?;
    ensure!(folder.has("more"));
    // Programs that watched before are still told.
    folder.write("new", "")?;
    watcher.wait("/src CREATE new")?;
    ensure!(
        started_at(machine, "reader")? == before,
        "the container was started anew"
    );
    Ok(())
}
