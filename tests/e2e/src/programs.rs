//! Where the built programs and the VM image are, and signals to processes.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::wait::until;

/// A process may be amid a long write to a busy disk.
const KILL_DEADLINE: Duration = Duration::from_secs(60);

/// Returns the folder of the built programs: `PINNACE_E2E_BIN_DIR`, else the profile's folder of this test.
pub fn bin_folder() -> Result<PathBuf> {
    let folder = match env::var_os("PINNACE_E2E_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        // <target>/debug/deps/fake-0123456789abcdef
        None => env::current_exe()?
            .ancestors()
            .nth(2)
            .context("this test lies in no target folder")?
            .to_owned(),
    };
    Ok(std::path::absolute(folder)?)
}

/// Returns a built program's path.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = bin_folder()?.join(name);
    ensure!(
        path.is_file(),
        "{} is missing: run `cargo xtask e2e`, which builds it",
        path.display()
    );
    Ok(path)
}

/// Returns the VM image's folder.
pub fn vm_image_folder() -> Result<PathBuf> {
    let folder = match env::var_os("PINNACE_VM_IMAGE") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let target = bin_folder()?
                .parent()
                .context("the programs' folder has no parent")?
                .to_owned();
            let arch = if cfg!(target_arch = "aarch64") {
                "arm64"
            } else {
                "amd64"
            };
            target.join("vm-image").join(arch)
        }
    };
    ensure!(
        folder.join("manifest.json").is_file(),
        "no VM image in {}: run `cargo xtask image`",
        folder.display()
    );
    Ok(std::path::absolute(folder)?)
}

/// Sends SIGKILL to a process and waits until it is gone.
pub fn kill_now(pid: u32) -> Result<()> {
    let process = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .context("no process id")?;
    rustix::process::kill_process(process, rustix::process::Signal::KILL)
        .with_context(|| format!("failed to kill process {pid}"))?;
    until("the end of a killed process", KILL_DEADLINE, || {
        Ok(!is_alive(pid))
    })
}

/// Whether a process exists and is more than a zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|text| {
        text.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    })
}

/// Resident memory of a process in KiB.
pub fn rss_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok())
        .with_context(|| format!("/proc/{pid}/status has no VmRSS"))
}

/// How many files and connections a process has open.
pub fn open_files(pid: u32) -> Result<usize> {
    let folder = format!("/proc/{pid}/fd");
    Ok(std::fs::read_dir(&folder)
        .with_context(|| format!("failed to read {folder}"))?
        .count())
}
