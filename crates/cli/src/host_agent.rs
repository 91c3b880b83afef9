//! Starting the host agent on demand.
//!
//! ```text
//!   nobody answers ─► take the starting lock ─► look again ─► spawn detached ─► wait for the socket
//!                        │ held by another pinnace
//!                        └► wait for the socket, or for the lock
//! ```
//!
//! [`ending`] is the way back. The lock is a courtesy: it keeps fifty clients from spawning fifty host agents. That there is only one in the end is
//! guaranteed by the host agent's own lock.

pub mod ending;

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use api::Client;
use platform::{Folders, OwnerLock};
use tokio::time::{Instant, sleep};

use crate::{
    failure::{Exit, Failure, chain},
    output, session, sys,
};

/// How long a host agent may take to listen. Generous: it is a matter of milliseconds unless the host is overloaded.
const LISTEN_LIMIT: Duration = Duration::from_secs(60);
/// How long after the end of our own child another host agent, to which it gave way, may take to listen.
const GIVEN_WAY_LIMIT: Duration = Duration::from_secs(5);
/// How often the socket is tried meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// From this size on the file with its output begins anew.
const MAX_OUTPUT_BYTES: u64 = 256 << 10;
/// How much of its output is shown when it fails.
const SHOWN_LINES: usize = 12;

/// The file name of the program.
fn program_name() -> String {
    format!("pinnace-host-agent{}", env::consts::EXE_SUFFIX)
}

/// The host agent's program: beside this one, else on PATH.
pub fn program() -> Result<PathBuf, Failure> {
    let name = program_name();
    let beside = env::current_exe()
        .and_then(fs::canonicalize)
        .ok()
        .map(|exe| exe.with_file_name(&name));
    if let Some(path) = beside.filter(|path| path.is_file()) {
        return Ok(path);
    }
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).map(|folder| folder.join(&name)).find(|path| path.is_file()).ok_or_else(|| {
        Failure::new(format!("failed to find {name}"))
            .hint("it belongs beside the pinnace program; install Pinnace again, or build it with `cargo xtask run`")
    })
}

/// Starts the host agent, detached, and waits until it listens. Succeeds as well when somebody else starts it
/// meanwhile.
pub async fn start(folders: &Folders) -> Result<Client, Failure> {
    let program = program()?;
    folders
        .create()
        .map_err(|error| Failure::caused_alone(&error).hint("see `pinnace doctor`"))?;
    let deadline = Instant::now() + LISTEN_LIMIT;
    let lock_path = folders.run.join("host-agent.starting");
    loop {
        let lock = OwnerLock::try_acquire(&lock_path).map_err(|error| Failure::caused_alone(&error))?;
        // After the lock, so that the one who held it before has made this succeed.
        if let Some(client) = session::connect(&folders.api_socket).await? {
            return Ok(client);
        }
        if lock.is_some() {
            return Child::spawn(&program, folders)?.listens(folders, deadline).await;
        }
        if Instant::now() >= deadline {
            return Err(too_late(folders, ""));
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// The host agent that we started.
struct Child {
    pid: u32,
    output: PathBuf,
    /// Where its output begins in the file.
    output_start: u64,
}

impl Child {
    fn spawn(program: &Path, folders: &Folders) -> Result<Self, Failure> {
        let output = folders.logs.join("host-agent.out");
        let (file, output_start) = open_output(&output)
            .map_err(|error| Failure::caused(format!("failed to open {}", output.display()), &error))?;
        let failed =
            |error: io::Error| Failure::caused(format!("failed to start {}", program.display()), &error);
        let mut command = Command::new(program);
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file);
        // The folder we are in may be deleted or unmounted while it runs.
        command.current_dir(&folders.data);
        let pid = platform::spawn_detached(command).map_err(failed)?;
        Ok(Self {
            pid,
            output,
            output_start,
        })
    }

    async fn listens(self, folders: &Folders, mut deadline: Instant) -> Result<Client, Failure> {
        let mut alive = true;
        loop {
            if let Some(client) = session::connect(&folders.api_socket).await? {
                return Ok(client);
            }
            if alive && !sys::process_is_alive(self.pid) {
                alive = false;
                deadline = deadline.min(Instant::now() + GIVEN_WAY_LIMIT);
            }
            if Instant::now() >= deadline {
                let wrote = self.wrote();
                return Err(if alive {
                    too_late(folders, &wrote)
                } else {
                    ended_early(folders, &wrote)
                });
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// The last lines that it wrote, each on a line of its own.
    fn wrote(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.output).and_then(|mut file| {
            let end = file.seek(SeekFrom::End(0))?;
            file.seek(SeekFrom::Start(
                self.output_start.max(end.saturating_sub(MAX_OUTPUT_BYTES)),
            ))?;
            file.take(MAX_OUTPUT_BYTES).read_to_end(&mut text)
        });
        match read {
            Ok(_) => last_lines(&String::from_utf8_lossy(&text), SHOWN_LINES),
            Err(error) => format!("\nfailed to read {}: {}", self.output.display(), chain(&error)),
        }
    }
}

/// Opens the file for a program's output, bounded in size over many starts, and says where the next byte goes.
fn open_output(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    if length <= MAX_OUTPUT_BYTES {
        return Ok((file, length));
    }
    // Append mode: whoever else still writes goes on at the new end.
    OpenOptions::new().write(true).open(path)?.set_len(0)?;
    Ok((file, 0))
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..]
        .iter()
        .flat_map(|line| ["\n", *line])
        .collect()
}

fn ended_early(folders: &Folders, wrote: &str) -> Failure {
    let log = log_tail(folders, wrote);
    Failure::new(format!("the host agent ended before it listened{log}"))
        .hint("see `pinnace logs host-agent` and `pinnace doctor`")
}

fn too_late(folders: &Folders, wrote: &str) -> Failure {
    let log = log_tail(folders, wrote);
    Failure::new(format!(
        "the host agent does not listen after {} s{log}",
        LISTEN_LIMIT.as_secs()
    ))
    .exit(Exit::Timeout)
    .hint("see `pinnace logs host-agent` and `pinnace doctor`")
}

/// What it wrote, or the end of its log when it wrote nothing.
fn log_tail(folders: &Folders, wrote: &str) -> String {
    if !wrote.is_empty() {
        return wrote.to_owned();
    }
    let text = fs::read(log_file(folders)).unwrap_or_default();
    last_lines(&String::from_utf8_lossy(&text), SHOWN_LINES)
}

/// Where the host agent keeps its records.
pub fn log_file(folders: &Folders) -> PathBuf {
    folders.logs.join("host-agent.log")
}

/// Warns when the host agent is of another version, which happens after an update.
pub fn warn_about_other_version(host_agent: &api::HostAgentInfo) {
    let ours = env!("CARGO_PKG_VERSION");
    if host_agent.version != ours {
        output::warning(&format!(
            "the host agent has version {}, this program {ours}; `pinnace daemon --stop` ends the old one",
            host_agent.version
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn open_output_file_over_the_limit_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let (mut file, start) = open_output(&path).unwrap();
        assert_eq!(start, 0);
        file.write_all(b"short").unwrap();
        assert_eq!(open_output(&path).unwrap().1, 5);
        file.write_all(&vec![b'x'; 300 << 10]).unwrap();
        assert_eq!(open_output(&path).unwrap().1, 0);
        file.write_all(b"more").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"more");
    }

    #[test]
    fn last_lines_blank_ones_are_left_out() {
        assert_eq!(last_lines("a\n\nb\nc\n", 2), "\nb\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
