//! A program on a terminal of its own: session leader, controlling terminal, foreground group.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    process::{Pid, Signal, kill_process, kill_process_group},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::{Journal, until, until_some};

/// How long closing the terminal may take to be noticed by its reader.
const READER_TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};
/// Far more than a killed process needs to end.
const KILLED_WITHIN: Duration = Duration::from_secs(30);

/// The keys that detach from a container.
pub const DETACH_KEYS: &[u8] = b"\x10\x11";
/// Ctrl+C.
pub const CTRL_C: &[u8] = b"\x03";
/// Ctrl+D at the beginning of a line: the end of the input.
pub const CTRL_D: &[u8] = b"\x04";

/// A program on a terminal of 100 by 40. What it shows is always read, so it never waits for us. Dropping it closes the
/// terminal and kills the program.
pub struct Terminal {
    keyboard: Option<File>,
    /// The program's end, so that its modes can be read. It keeps nothing alive: closing the other end hangs up.
    screen: OwnedFd,
    seen: Arc<Mutex<Vec<u8>>>,
    closing: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    child: Child,
    shown: String,
    journal: Arc<Journal>,
}

impl Terminal {
    /// Starts the command. Its process id is the one of the program itself.
    pub fn start(command: &Command, shown: String, journal: Arc<Journal>) -> Result<Self> {
        // Not inherited by the programs of other terminals: one that held it would keep it from being closed.
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let name = ptsname(&keyboard, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let screen = open(name.as_c_str(), flags, Mode::empty())?;
        let size = Winsize {
            ws_col: 100,
            ws_row: 40,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&keyboard, size)?;
        journal.note(format!("{shown} (on a terminal)"));
        let child = on_terminal(command)
            .stdin(Stdio::from(screen.try_clone()?))
            .stdout(Stdio::from(screen.try_clone()?))
            .stderr(Stdio::from(screen.try_clone()?))
            .spawn()
            .with_context(|| format!("failed to run {shown}"))?;
        let keyboard = File::from(keyboard);
        let (seen, closing) = (Arc::default(), Arc::default());
        let reader = read_along(keyboard.try_clone()?, Arc::clone(&seen), Arc::clone(&closing));
        Ok(Self {
            keyboard: Some(keyboard),
            screen,
            seen,
            closing,
            reader: Some(reader),
            child,
            shown,
            journal,
        })
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types keys.
    pub fn type_keys(&self, keys: &[u8]) -> Result<()> {
        self.journal.note(format!(
            "typed {:?} into {}",
            keys.escape_ascii().to_string(),
            self.shown
        ));
        let mut keyboard = self.keyboard.as_ref().context("the terminal is closed")?;
        keyboard.write_all(keys)?;
        Ok(())
    }

    /// Sends a signal to the program. That it has ended already is no failure.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.journal.note(format!("sent {signal:?} to {}", self.shown));
        match kill_process(Pid::from_child(&self.child), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).context("failed to send a signal"),
        }
    }

    /// Kills the program and those that it started, at the same time, as far as they have not left its process group.
    pub fn kill_group(&self) -> Result<()> {
        self.journal
            .note(format!("killed {} and what it started", self.shown));
        kill_process_group(Pid::from_child(&self.child), Signal::KILL)
            .context("failed to kill a process group")
    }

    /// Closes the terminal, as a person closes a window: the kernel hangs up.
    pub fn close(&mut self) {
        self.closing.store(true, Ordering::Release);
        if let Some(reader) = self.reader.take() {
            // A reader that panicked has closed its end, too.
            let _ = reader.join();
        }
        if self.keyboard.take().is_some() {
            self.journal
                .note(format!("closed the terminal of {}", self.shown));
        }
    }

    /// Everything that was shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.seen()).into_owned()
    }

    /// Waits until `text` has been shown.
    pub fn wait_for(&self, text: &str, deadline: Duration) -> Result<()> {
        let shown = until(&format!("`{text}` on the terminal"), deadline, || {
            Ok(self.screen().contains(text))
        });
        shown.with_context(|| format!("{} shows {:?}", self.shown, self.screen()))
    }

    /// Whether every key goes to the program: no echo, no lines, no signals.
    pub fn is_raw(&self) -> Result<bool> {
        let modes = tcgetattr(&self.screen)?.local_modes;
        Ok(!modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG))
    }

    /// How the program ended; `None` while it runs.
    pub fn try_end(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for the program's end.
    pub fn wait_end(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let ended = until_some(&format!("the end of {}", self.shown), deadline, || {
            Ok(self.child.try_wait()?)
        });
        let status = ended.with_context(|| format!("its terminal shows {:?}", self.screen()))?;
        self.journal.note(format!("{} ended with {status}", self.shown));
        Ok(status)
    }

    fn seen(&self) -> MutexGuard<'_, Vec<u8>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close();
        // It may have ended, and then nothing is left to be killed.
        let _ = self.child.kill();
        let _ = until("the end of a killed program", KILLED_WITHIN, || {
            Ok(self.child.try_wait()?.is_some())
        });
    }
}

/// The same command behind two programs that become it, one after the other: `env` gives signals their usual meaning,
/// which a test that runs in the background or under `nohup` would take from it; `setsid` makes it the leader of a
/// session with its input as the controlling terminal.
fn on_terminal(command: &Command) -> Command {
    let mut wrapped = Command::new("env");
    wrapped
        .args(["--default-signal", "setsid", "--ctty"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

/// Reads what is shown on a thread of its own, until the terminal is being closed.
fn read_along(mut shown: File, seen: Arc<Mutex<Vec<u8>>>, closing: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while !closing.load(Ordering::Acquire) {
            let mut wanted = [PollFd::new(&shown, PollFlags::IN)];
            match poll(&mut wanted, Some(&READER_TICK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(_) => return,
            }
            match shown.read(&mut bytes) {
                Ok(length) if length > 0 => {
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.extend_from_slice(&bytes[..length]);
                }
                _ => return,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far more than a shell needs for anything.
    const DEADLINE: Duration = Duration::from_secs(60);

    fn start(script: &str) -> Terminal {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Terminal::start(&command, "sh".to_owned(), Arc::default()).unwrap()
    }

    #[test]
    fn ctrl_c_on_a_terminal_interrupts_the_program() {
        let mut terminal = start("trap 'echo told; exit 3' INT; echo ready; sleep 1000 & wait");
        terminal.wait_for("ready", DEADLINE).unwrap();
        terminal.type_keys(CTRL_C).unwrap();
        assert_eq!(terminal.wait_end(DEADLINE).unwrap().code(), Some(3));
        terminal.wait_for("told", DEADLINE).unwrap();
    }

    #[test]
    fn closed_terminal_hangs_up() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let mut terminal = start(&format!(
            "trap 'echo told >{path}; exit 4' HUP; echo ready; sleep 1000 & wait"
        ));
        terminal.wait_for("ready", DEADLINE).unwrap();
        terminal.close();
        assert_eq!(terminal.wait_end(DEADLINE).unwrap().code(), Some(4));
        assert_eq!(std::fs::read_to_string(path).unwrap(), "told\n");
    }

    #[test]
    fn started_program_has_the_process_id_that_is_told() {
        let terminal = start("echo \"I am $$.\"; exec sleep 1000");
        terminal
            .wait_for(&format!("I am {}.", terminal.pid()), DEADLINE)
            .unwrap();
        assert!(!terminal.is_raw().unwrap());
    }
}
