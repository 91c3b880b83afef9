//! Clients under test: how each is started, and how it is seen that all is set up.

use std::{fs, path::PathBuf, time::Instant};

use anyhow::Result;
use rustix::process::Signal;

use super::{
    cell::{Action, Cell, Pid1, Surface},
    facts::{Facts, mark},
};
use crate::{
    Door, EngineEvents, Machine, Terminal,
    pty::{CTRL_C, CTRL_D, DETACH_KEYS},
};

/// The label that keeps a container when its client goes.
const IGNORE_LABEL: &str = "pinnace.on-client-exit=ignore";
/// As the dev containers CLI writes it.
const DEV_CONTAINER: [&str; 7] = [
    "--sig-proxy=false",
    "-a",
    "STDOUT",
    "-a",
    "STDERR",
    "-l",
    "devcontainer.local_folder=/x",
];

/// Printed by PID 1's own way, for the client to show.
const ATTACHED: &str = "attached-to";
const SHOW_ATTACHED: &str = "echo attached-to >/proc/1/fd/1";

/// A cell's client on its terminal.
pub struct Live {
    pub cell: Cell,
    /// The container.
    pub name: String,
    pub terminal: Terminal,
    /// When the last thing was done to the client, or it ended after that.
    pub since: Option<Instant>,
    /// Whether the client was seen to have ended.
    pub gone: bool,
}

impl Live {
    /// Makes what the cell needs and starts its client.
    pub fn start(machine: &Machine, door: &Door, cell: Cell, name: String) -> Result<Self> {
        let image = [cell.pid1.flags(), &[cell.pid1.image()], cell.pid1.argv()].concat();
        let named = ["--name", &name];
        let docker = |args: &[&[&str]]| machine.docker_through(door, args.concat());
        let run = |flags: &[&str]| docker(&[&["run"], &named, flags, &image]);
        let client = match cell.surface {
            Surface::Run => run(&[]),
            Surface::RunI => run(&["-i"]),
            Surface::RunIt => run(&["-it"]),
            Surface::RunRm => run(&["--rm"]),
            Surface::RunRmIt => run(&["--rm", "-it"]),
            Surface::RunNoProxy => run(&["--sig-proxy=false"]),
            Surface::RunRestarted => run(&["--restart", "unless-stopped"]),
            Surface::RunLabelled => run(&["--label", IGNORE_LABEL]),
            Surface::DevContainer => run(&DEV_CONTAINER),
            Surface::StartA => {
                docker(&[&["create"], &named, &image]).text()?;
                docker(&[&["start", "-a", &name]])
            }
            Surface::Attach => {
                docker(&[&["run", "-d"], &named, &image]).text()?;
                docker(&[&["attach", &name]])
            }
            Surface::AttachIt => {
                docker(&[&["run", "-dit"], &named, &image]).text()?;
                docker(&[&["attach", &name]])
            }
            Surface::ExecIt => {
                docker(&[&["run", "-d"], &named, &image]).text()?;
                docker(&[&["exec", "-it", &name, "sleep", &mark(&name)]])
            }
            Surface::ComposeUp => {
                let file = compose_file(machine, &cell, &name)?;
                docker(&[&["compose", "--file", &file.to_string_lossy(), "up"]])
            }
        };
        Ok(Self {
            cell,
            terminal: client.on_terminal()?,
            name,
            since: None,
            gone: false,
        })
    }

    /// Whether client and container are where the cell begins.
    pub fn is_ready(&self, machine: &Machine, facts: &Facts, events: &EngineEvents) -> Result<bool> {
        let pid1 = facts.containers.get(&self.name);
        let set_up = pid1.is_some_and(|fact| self.cell.pid1.is(fact));
        if !set_up || self.cell.surface.is_raw() && !self.terminal.is_raw()? {
            return Ok(false);
        }
        let shows = |text: &str| self.terminal.screen().contains(text);
        if !self.cell.pid1.greeting().is_none_or(shows) {
            return Ok(false);
        }
        Ok(match self.cell.surface {
            // The engine tells of it before the client has it, and until the client has it, a signal ends the client
            // instead of being passed on. What the container prints is shown once the client has it.
            Surface::Attach => {
                if events.had(&self.name, "attach", None) && !shows(ATTACHED) {
                    machine
                        .docker
                        .run(["exec", &self.name, "sh", "-c", SHOW_ATTACHED])
                        .text()?;
                }
                shows(ATTACHED)
            }
            Surface::AttachIt => events.had(&self.name, "attach", None),
            Surface::ExecIt => facts.has_exec(&self.name),
            _ => true,
        })
    }

    /// Does to the client what the cell says.
    pub fn act(&mut self, machine: &Machine, events: &EngineEvents) -> Result<()> {
        match self.cell.action {
            Action::CtrlC(times) => {
                for press in 0..times {
                    if press > 0 {
                        // As fast as a person presses, so that no two are one.
                        std::thread::sleep(std::time::Duration::from_millis(400));
                    }
                    self.terminal.type_keys(CTRL_C)?;
                }
            }
            Action::Signal(signal) => self.terminal.signal(signal)?,
            Action::HangUpAndContinue => {
                self.terminal.signal(Signal::HUP)?;
                self.terminal.signal(Signal::CONT)?;
            }
            Action::KillGroup => self.terminal.kill_group()?,
            Action::CloseTerminal => self.terminal.close(),
            Action::TerminateThenKill => {
                self.terminal.signal(Signal::TERM)?;
                events.wait_for(&self.name, "kill", Some("15"), machine.driver.patience())?;
                self.terminal.signal(Signal::KILL)?;
            }
            Action::Detach => self.terminal.type_keys(DETACH_KEYS)?,
            Action::EndOfInput => self.terminal.type_keys(CTRL_D)?,
        }
        self.since = Some(Instant::now());
        Ok(())
    }

    /// Takes note of the client's end. What is waited for begins with it anew.
    pub fn notice_end(&mut self) -> Result<()> {
        if !self.gone && self.terminal.try_end()?.is_some() {
            self.gone = true;
            self.since = Some(Instant::now());
        }
        Ok(())
    }
}

fn compose_file(machine: &Machine, cell: &Cell, name: &str) -> Result<PathBuf> {
    let folder = machine.home.path().join(name);
    fs::create_dir_all(&folder)?;
    let command = serde_json::to_string(cell.pid1.argv())?;
    let init = cell.pid1 == Pid1::Tini;
    let text = format!(
        "name: {name}\nservices:\n  one:\n    image: {}\n    container_name: {name}\n    init: {init}\n    \
         command: {command}\n    network_mode: none\n",
        cell.pid1.image()
    );
    let file = folder.join("compose.yaml");
    fs::write(&file, text)?;
    Ok(file)
}
