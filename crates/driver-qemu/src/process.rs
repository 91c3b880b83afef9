//! A program that runs beside us, its life tied to ours, with what it wrote last.

use std::{
    ffi::OsString,
    io::{self, Read},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use platform::TiedChild;
use tokio::{sync::watch, time::timeout};

/// What is kept of a program's error output.
const KEPT_BYTES: usize = 8 << 10;

/// How long the rest of the error output may take after the program ended; somebody else may hold the pipe.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// A running program. Cheap to clone; it is killed when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    child: Arc<TiedChild>,
    written: Arc<Mutex<Vec<u8>>>,
    drained: watch::Receiver<bool>,
}

impl Process {
    /// Starts `program`. Its input and output are closed, its error output is kept.
    pub(crate) async fn spawn(program: &Path, args: Vec<OsString>) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = tokio::task::spawn_blocking(move || TiedChild::spawn(command))
            .await
            .map_err(io::Error::other)??;
        let written = Arc::new(Mutex::new(Vec::new()));
        let (drained_sender, drained) = watch::channel(false);
        if let Some(mut stderr) = child.stderr.take() {
            let written = written.clone();
            thread::Builder::new()
                .name("error output".to_owned())
                .stack_size(128 << 10)
                .spawn(move || {
                    let mut chunk = [0; 1024];
                    while let Ok(count @ 1..) = stderr.read(&mut chunk) {
                        keep_last(&written, &chunk[..count]);
                    }
                    drained_sender.send_replace(true);
                })?;
        }
        Ok(Self {
            child: Arc::new(child),
            written,
            drained,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Resolves when it has ended and all it wrote is here.
    pub(crate) async fn wait(&self) -> ExitStatus {
        let status = self.child.wait().await;
        let mut drained = self.drained.clone();
        // When the time is up, what is here has to do.
        let _ = timeout(DRAIN_LIMIT, drained.wait_for(|drained| *drained)).await;
        status
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.child.status()
    }

    pub(crate) fn kill(&self) -> io::Result<()> {
        self.child.kill()
    }

    /// The last lines of its error output, without the program's own name before each, harmless to show.
    pub(crate) fn last_words(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&written);
        let lines: Vec<String> = text
            .lines()
            .map(crate::console::harmless)
            .filter(|line| !line.is_empty())
            .collect();
        let first = lines.len().saturating_sub(8);
        lines[first..].join("; ")
    }

    /// The first line that speaks of an error.
    pub(crate) fn first_error(&self) -> Option<String> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&written);
        text.lines()
            .find(|line| line.contains("error"))
            .map(crate::console::harmless)
    }

    /// How it ended, in words: the status, and what it wrote last.
    pub(crate) fn end_in_words(&self, status: ExitStatus) -> String {
        match self.last_words() {
            words if words.is_empty() => status.to_string(),
            words => format!("{status}: {words}"),
        }
    }
}

fn keep_last(written: &Mutex<Vec<u8>>, bytes: &[u8]) {
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    written.extend_from_slice(bytes);
    if written.len() > KEPT_BYTES {
        let surplus = written.len() - KEPT_BYTES;
        written.drain(..surplus);
    }
}

/// Whether it ended by giving up on itself (`abort`), as QEMU does when an accelerator refuses something.
pub(crate) fn aborted(status: ExitStatus) -> bool {
    sys::aborted(status)
}

#[cfg(unix)]
mod sys {
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    pub(super) fn aborted(status: ExitStatus) -> bool {
        const SIGABRT: i32 = 6;
        status.signal() == Some(SIGABRT)
    }
}

#[cfg(windows)]
mod sys {
    use std::process::ExitStatus;

    pub(super) fn aborted(status: ExitStatus) -> bool {
        // The C runtime's `abort`, and the fail-fast it turns into.
        const ABORT: i32 = 3;
        const STATUS_STACK_BUFFER_OVERRUN: u32 = 0xC000_0409;
        status
            .code()
            .is_some_and(|code| code == ABORT || code.cast_unsigned() == STATUS_STACK_BUFFER_OVERRUN)
    }
}
