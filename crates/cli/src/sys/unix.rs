//! Linux and macOS: termios(3), SIGWINCH, execve(2).

use std::{
    io,
    os::{fd::BorrowedFd, unix::process::CommandExt as _},
    process::Command,
};

use rustix::{
    process::{Pid, test_kill_process},
    stdio,
    termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Interruption;

/// The syntax of `docker-host --shell` without a name.
pub const USUAL_SHELL: &str = "sh";

/// Folders where programs are besides PATH: those of Homebrew and MacPorts are missing in programs that the desktop
/// starts.
pub const PROGRAM_FOLDERS: &[&str] = &[
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/opt/local/bin",
];

/// Replaces this process. Returns only when that failed.
pub fn replace_process(mut command: Command) -> io::Result<u8> {
    Err(command.exec())
}

/// Whether there is a process with this id.
pub fn process_is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    // Refused because it is another user's: it is there.
    !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// A terminal that passes every key on. Dropping it restores what was before, also while panicking.
pub struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Makes the terminal on stdin raw.
    pub fn enter() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Drain, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Nobody is left to tell when the terminal is gone.
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Columns and rows of the terminal on stdout.
pub fn terminal_size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(stdio::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Tells when the terminal's size may have changed.
pub struct Resizes {
    signal: Signal,
}

impl Resizes {
    /// Listens from now on.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            signal: signal(SignalKind::window_change())?,
        })
    }

    /// The size after the next change.
    pub async fn next(&mut self) -> (u16, u16) {
        loop {
            if self.signal.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            if let Some(size) = terminal_size() {
                return size;
            }
        }
    }
}

/// Listens for what usually ends a program, which it does not do from then on.
pub struct Interrupts {
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupts {
    /// Listens from now on, also to what the parent process had this one ignore.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Cancel safe.
    pub async fn next(&mut self) -> Interruption {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Interruption::Interrupt,
            Some(()) = self.quit.recv() => Interruption::Quit,
            Some(()) = self.terminate.recv() => Interruption::Closing,
            Some(()) = self.hangup.recv() => Interruption::Closing,
            else => std::future::pending().await,
        }
    }
}

fn stdin() -> BorrowedFd<'static> {
    stdio::stdin()
}
