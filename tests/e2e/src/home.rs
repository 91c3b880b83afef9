//! A private PINNACE_HOME in a short folder, with its own docker configuration, gone without a trace at the end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Once,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    Journal,
    leftover::{control_groups, leftovers, processes},
    programs::{is_alive, kill_now},
    wait::until,
};

/// Homes are `<PARENT>/pn-<pid of the test>-<number>`: short, because socket paths are.
const PARENT: &str = "/tmp";

static NEXT: AtomicU32 = AtomicU32::new(0);
static SWEEP: Once = Once::new();

/// The home. Dropping it kills what is left in it and deletes it.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    journal: Arc<Journal>,
}

impl Home {
    /// Makes an empty home. The first one of a run also clears the homes of runs that were killed.
    pub fn new() -> Result<Self> {
        SWEEP.call_once(sweep_dead_runs);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(PARENT).join(format!("pn-{}-{number}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("failed to create {}", path.display()))?;
        fs::create_dir_all(path.join("docker"))?;
        fs::create_dir_all(path.join("user"))?;
        Ok(Self {
            path,
            journal: Arc::default(),
        })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What happened in it.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// The docker configuration's folder.
    pub fn docker_config(&self) -> PathBuf {
        self.path.join("docker")
    }

    /// Writes the settings file, bytes as they are.
    pub fn write_config(&self, content: impl AsRef<[u8]>) -> Result<()> {
        let folder = self.path.join("config");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("config.toml"), content)?;
        Ok(())
    }

    /// What the settings file says.
    pub fn config(&self) -> Result<String> {
        let path = self.path.join("config/config.toml");
        fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
    }

    /// The home folder that the programs are told is their user's.
    pub fn user(&self) -> PathBuf {
        self.path.join("user")
    }

    /// The data disk.
    pub fn data_disk(&self) -> PathBuf {
        self.path.join("data/data.raw")
    }

    /// A command in this home's environment: nothing of the user's own Pinnace or Docker settings.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("PINNACE_") || text.starts_with("DOCKER_") || text.starts_with("XDG_") {
                command.env_remove(&name);
            }
        }
        command
            .env("PINNACE_HOME", &self.path)
            .env("HOME", self.user())
            .env("DOCKER_CONFIG", self.docker_config());
        command
    }

    /// The processes that belong to it, with their command lines.
    pub fn processes(&self) -> Vec<(u32, String)> {
        processes(&self.path)
    }

    /// Waits until nothing of it runs or is mounted.
    pub fn assert_clean(&self) -> Result<()> {
        let _ = until(
            "the end of every process of the home",
            Duration::from_secs(20),
            || Ok(leftovers(&self.path).is_empty()),
        );
        let left = leftovers(&self.path);
        ensure!(
            left.is_empty(),
            "left behind in {}:\n  {}",
            self.path.display(),
            left.join("\n  ")
        );
        Ok(())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::env::var_os("PINNACE_E2E_KEEP").is_none() {
            clear(&self.path);
        }
    }
}

/// Kills what runs in a home, unmounts what is below it, deletes it.
fn clear(path: &Path) {
    for _ in 0..50 {
        let running = processes(path);
        if running.is_empty() {
            break;
        }
        for (pid, _) in running {
            let _ = kill_now(pid);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().rev().filter_map(|line| line.split(' ').nth(4));
    for point in points.filter(|point| Path::new(point).starts_with(path)) {
        let _ = Command::new("umount").arg("--lazy").arg(point).status();
    }
    for group in control_groups(path) {
        remove_groups(&group);
    }
    // A mount that would not go keeps the folder; the next run tries again.
    let _ = fs::remove_dir_all(path);
}

/// Removes a control group and those below it, as far as they are empty.
fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

fn sweep_dead_runs() {
    let entries = fs::read_dir(PARENT).into_iter().flatten().filter_map(Result::ok);
    for entry in entries {
        let name = entry.file_name();
        let Some(pid) = name
            .to_str()
            .and_then(|name| name.strip_prefix("pn-")?.split('-').next()?.parse().ok())
        else {
            continue;
        };
        if !is_alive(pid) {
            clear(&entry.path());
        }
    }
}
