//! Programs in containers that wait for changes of files hear of those that are made on the host.

use std::{fs, os::unix::fs::PermissionsExt};

use anyhow::{Context, Result, ensure};

use super::{folder::Folder, inside, sight};
use crate::{Machine, cases::ports::container::Container, until};

const NAME: &str = "watcher";

/// A container with the program that prints what the kernel tells.
pub struct Watcher<'a> {
    machine: &'a Machine,
    _container: Container<'a>,
}

impl<'a> Watcher<'a> {
    /// Starts it. `paths` are below `/src`, where the folder is.
    pub fn start(machine: &'a Machine, folder: &Folder, paths: &[&str]) -> Result<Self> {
        inside::import(machine)?;
        let program = inside::program()?;
        let command = [&[inside::IMAGE, &program, inside::WATCH], paths].concat();
        let options = ["-v", &folder.bind("/src")];
        let watcher = Self {
            machine,
            _container: Container::run_image(machine, NAME, &options, &command)?,
        };
        watcher.wait("ready")?;
        Ok(watcher)
    }

    fn lines(&self) -> Result<Vec<String>> {
        let text = self.machine.docker.run(["logs", NAME]).quietly().text()?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Waits for an event; of a move, for its line without the number.
    pub fn wait(&self, wanted: &str) -> Result<String> {
        let mut last = Vec::new();
        let is_wanted = |line: &String| line.split(" #").next() == Some(wanted);
        let seen = until(
            &format!("event `{wanted}`"),
            self.machine.driver.patience(),
            || {
                last = self.lines()?;
                Ok(last.iter().any(is_wanted))
            },
        );
        seen.with_context(|| format!("the events were {last:#?}"))?;
        last.into_iter().find(is_wanted).context("it was there")
    }

    /// Waits for both ends of a move, which must know each other.
    fn wait_move(&self, from: &str, to: &str) -> Result<()> {
        let number = |line: String| line.split_once(" #").map(|(_, number)| number.to_owned());
        let (from, to) = (number(self.wait(from)?), number(self.wait(to)?));
        ensure!(
            from.is_some() && from == to,
            "a move is told with {from:?} and {to:?}"
        );
        Ok(())
    }
}

pub fn changes_of_the_host_are_told(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "watched")?;
    fs::create_dir(folder.path.join("sub"))?;
    folder.write("page", "first\n")?;
    let watcher = Watcher::start(machine, &folder, &["/src", "/src/sub", "/src/page"])?;
    let path = |name: &str| folder.path.join(name);

    folder.write("new", "")?;
    watcher.wait("/src CREATE new")?;
    folder.write("page", "second\n")?;
    for event in ["/src MODIFY page", "/src CLOSE_WRITE page", "/src/page MODIFY"] {
        watcher.wait(event)?;
    }
    let written = fs::metadata(path("page"))?.modified()?;
    fs::set_permissions(path("new"), fs::Permissions::from_mode(0o600))?;
    watcher.wait("/src ATTRIB new")?;
    fs::rename(path("new"), path("renamed"))?;
    watcher.wait_move("/src MOVED_FROM new", "/src MOVED_TO renamed")?;
    fs::rename(path("renamed"), path("sub/across"))?;
    watcher.wait_move("/src MOVED_FROM renamed", "/src/sub MOVED_TO across")?;
    fs::create_dir(path("sub/folder"))?;
    watcher.wait("/src/sub CREATE folder")?;
    fs::remove_dir(path("sub/folder"))?;
    watcher.wait("/src/sub DELETE folder")?;
    fs::remove_file(path("sub/across"))?;
    watcher.wait("/src/sub DELETE across")?;
    // As editors save.
    folder.replace("saved", "saved\n")?;
    watcher.wait("/src MOVED_TO saved")?;

    // What is told of changes nothing itself.
    ensure!(folder.read("page")? == "second\n" && folder.read("saved")? == "saved\n");
    ensure!(
        fs::metadata(path("page"))?.modified()? == written,
        "the page was written again"
    );
    let mut left: Vec<_> = fs::read_dir(&folder.path)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<std::io::Result<_>>()?;
    left.sort();
    ensure!(left == ["page", "saved", "sub"], "the folder has {left:?}");
    Ok(())
}

/// What a container changes its kernel tells by itself; the host's echo of it must not tell it again.
pub fn own_changes_are_told_once(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "echo")?;
    let watcher = Watcher::start(machine, &folder, &["/src"])?;
    let script =
        "cd /src; for i in $(seq 50); do echo x >own-$i; mv own-$i moved-$i; rm moved-$i; done; echo x >kept";
    sight::run(machine, &["-v", &folder.bind("/src")], script).text()?;
    watcher.wait("/src CLOSE_WRITE kept")?;
    // What the host tells of a folder comes in the order of its changes: this one after all of those.
    folder.write("end", "")?;
    watcher.wait("/src CREATE end")?;
    let lines = watcher.lines()?;
    let count = |wanted: &str| {
        lines
            .iter()
            .filter(|line| line.split(" #").next() == Some(wanted))
            .count()
    };
    for number in 1..=50 {
        for event in ["CREATE own", "MOVED_FROM own", "MOVED_TO moved", "DELETE moved"] {
            let event = format!("/src {event}-{number}");
            ensure!(count(&event) == 1, "`{event}` came {} times", count(&event));
        }
    }
    ensure!(
        count("/src CREATE kept") == 1 && count("/src MODIFY kept") == 1,
        "{lines:#?}"
    );
    Ok(())
}
