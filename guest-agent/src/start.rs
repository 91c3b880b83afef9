//! What happens before the agent lives: the part of PID 1 that may still fail.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;

use crate::{
    board::{Board, stage},
    cgroup,
    clock::Uptime,
    init::{self, OrderlyEnd, Role},
    kernel_words::KernelWords,
    life::{self, Profile},
    limits, modules,
    mount_table::{self, EARLY, LATE, PROCESS},
    record::{self, Sink},
    root,
};

/// Becomes PID 1 of a VM. Does not return in PID 1.
pub fn machine() -> ExitCode {
    match begin_machine() {
        Ok(code) => code,
        Err(error) => init::die(&format!("failed to boot: {error:#}"), OrderlyEnd::PowerOff),
    }
}

/// Becomes the agent of a machine that is a process. As PID 1 of its namespace it forks as in a VM.
pub fn process(lanes: PathBuf, state: PathBuf) -> ExitCode {
    match begin_process(lanes, state) {
        Ok(code) => code,
        Err(error) => init::die(&format!("failed to start: {error:#}"), OrderlyEnd::Exit),
    }
}

fn begin_machine() -> anyhow::Result<ExitCode> {
    let uptime = Uptime::since_kernel_boot();
    let mut stages = vec![stage("kernel", uptime)];
    mount_table::mount_all(EARLY)?;
    // Before the first record: the kernel drops most of what comes quickly otherwise.
    let _ = fs::write("/proc/sys/kernel/printk_devkmsg", "on");
    let log = record::start(Sink::kernel(), uptime);
    let words =
        KernelWords::parse(&fs::read_to_string("/proc/cmdline").context("failed to read /proc/cmdline")?);
    if !words.ignored.is_empty() {
        tracing::warn!(words = ?words.ignored, "kernel words not understood");
    }
    modules::load_all(Path::new(modules::BOOT_ORDER));
    stages.push(stage("modules", uptime));
    root::switch()?;
    mount_table::mount_all(LATE)?;
    cgroup::enable_controllers();
    limits::raise();
    stages.push(stage("root", uptime));
    match init::fork()? {
        Role::Reaper(agent) => init::reap(agent, OrderlyEnd::PowerOff),
        Role::Agent => {
            let profile = Profile::Machine {
                link: words.link,
                net: words.net,
            };
            life::live(profile, Board::new(uptime, stages), log)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn begin_process(lanes: PathBuf, state: PathBuf) -> anyhow::Result<ExitCode> {
    let uptime = Uptime::since_now();
    let log = record::start(Sink::StandardError, uptime);
    let alone = std::process::id() == 1;
    if alone {
        mount_table::mount_missing(PROCESS, &[&lanes, &state])?;
        if let Err(error) = cgroup::mount_for_process() {
            tracing::warn!(
                error = format!("{error:#}"),
                "no control groups; the engine will say what it lacks"
            );
        }
    }
    fs::create_dir_all(&state).with_context(|| format!("failed to make {}", state.display()))?;
    let stages = vec![stage("root", uptime)];
    if alone && let Role::Reaper(agent) = init::fork()? {
        init::reap(agent, OrderlyEnd::Exit);
    }
    life::live(Profile::Process { lanes, state }, Board::new(uptime, stages), log)?;
    Ok(ExitCode::SUCCESS)
}
