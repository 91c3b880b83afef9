//! What a crash leaves in the run and state folders: sockets, locks, process ids of others.

use std::{fs, os::unix::net::UnixListener, process::Command, time::Duration};

use anyhow::{Result, ensure};
use pinnace_e2e::{Machine, kill_now, until};

use crate::{Fault, fake};

pub const CASES: &[Fault] = &[
    fake("stale_sockets_are_replaced_by_a_start", stale_sockets),
    fake("stale_lock_files_do_not_hinder_a_start", stale_lock_files),
    fake(
        "recorded_pid_of_another_process_is_left_alone",
        recorded_pid_of_another_process,
    ),
    fake(
        "start_after_a_kill_of_everything_needs_no_clean_up",
        start_after_a_kill_of_everything,
    ),
    fake(
        "run_folder_deleted_while_stopped_is_made_again",
        run_folder_deleted,
    ),
];

fn stale_sockets(machine: &Machine) -> Result<()> {
    for name in ["api_socket", "engine_socket"] {
        let text = machine.pinnace.path(name)?.to_string_lossy().into_owned();
        let path = std::path::Path::new(text.trim_start_matches("unix://"));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
            fs::set_permissions(parent, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        }
        // Bound by a listener that is gone: the file stays and nobody answers.
        drop(UnixListener::bind(path)?);
    }
    machine.start()
}

fn stale_lock_files(machine: &Machine) -> Result<()> {
    machine.start()?;
    machine.pinnace.quit(machine.driver.patience())?;
    // The files stay; what counts is whether a live process holds the lock.
    machine.start()
}

fn recorded_pid_of_another_process(machine: &Machine) -> Result<()> {
    machine.start()?;
    let status = machine.pinnace.status()?;
    let old: Vec<u32> = [Some(status.host_agent.pid), status.machine.pid]
        .into_iter()
        .flatten()
        .collect();
    kill_everything(machine)?;
    let mut bystander = Command::new("sleep").arg("1000").spawn()?;
    let replaced = replace_pids(machine, &old, bystander.id())?;
    machine
        .home
        .journal()
        .note(format!("{replaced} files name the bystander now"));
    let result = machine.start();
    let alive = bystander.try_wait()?.is_none();
    bystander.kill()?;
    bystander.wait()?;
    ensure!(alive, "a process that is none of ours was ended");
    result
}

fn start_after_a_kill_of_everything(machine: &Machine) -> Result<()> {
    machine.start()?;
    kill_everything(machine)?;
    machine.start()
}

fn run_folder_deleted(machine: &Machine) -> Result<()> {
    machine.start()?;
    machine.pinnace.quit(machine.driver.patience())?;
    fs::remove_dir_all(machine.home.path().join("run"))?;
    machine.start()
}

/// Kills all processes of the home at once, as a crash of the host would, and waits for their end.
fn kill_everything(machine: &Machine) -> Result<()> {
    for (pid, _) in machine.home.processes() {
        // It may have ended with another that it was tied to.
        let _ = kill_now(pid);
    }
    until("the end of every process", Duration::from_secs(30), || {
        Ok(machine.home.processes().is_empty())
    })
}

/// Writes another process id wherever a file of the home names one of ours.
fn replace_pids(machine: &Machine, old: &[u32], new: u32) -> Result<usize> {
    let mut replaced = 0;
    for folder in ["run", "state", "data"] {
        for entry in fs::read_dir(machine.home.path().join(folder))? {
            let entry = entry?;
            if !entry.file_type()?.is_file() || entry.metadata()?.len() > 4096 {
                continue;
            }
            let Ok(text) = fs::read_to_string(entry.path()) else {
                continue;
            };
            let changed = old.iter().fold(text.clone(), |text, pid| {
                text.replace(&pid.to_string(), &new.to_string())
            });
            if changed != text {
                fs::write(entry.path(), changed)?;
                replaced += 1;
            }
        }
    }
    Ok(replaced)
}
