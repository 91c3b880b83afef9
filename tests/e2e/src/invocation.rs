//! One run of a program: input, both outputs, a deadline, and an entry in the journal.

use std::{
    io::{Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{Journal, Terminal};

/// A program about to run.
pub struct Invocation {
    command: Command,
    journal: Arc<Journal>,
    input: Vec<u8>,
    deadline: Duration,
    is_noted: bool,
}

/// What a program answered.
#[derive(Debug)]
pub struct Output {
    /// The command, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Invocation {
    /// Prepares a run with empty input and a deadline of five minutes.
    pub fn new(command: Command, journal: Arc<Journal>) -> Self {
        Self {
            command,
            journal,
            input: Vec::new(),
            deadline: Duration::from_secs(300),
            is_noted: true,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Runs it in a folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives it input, and then the end of input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Sets how long it may take at most.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Leaves its success out of the journal: it is asked again and again.
    #[must_use]
    pub fn quietly(mut self) -> Self {
        self.is_noted = false;
        self
    }

    /// Starts it with piped outputs and no input, for a caller that reads along. The caller waits or kills.
    pub fn start(mut self) -> Result<Child> {
        self.journal.note(format!("{} &", describe(&self.command)));
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.command
            .spawn()
            .with_context(|| format!("failed to run {}", describe(&self.command)))
    }

    /// Starts it on a terminal of its own.
    pub fn on_terminal(self) -> Result<Terminal> {
        let shown = describe(&self.command);
        Terminal::start(&self.command, shown, self.journal)
    }

    /// Runs it to its end, whatever its exit code is. A program that passes the deadline is killed and fails the case.
    pub fn run(mut self) -> Result<Output> {
        let shown = describe(&self.command);
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = self
            .command
            .spawn()
            .with_context(|| format!("failed to run {shown}"))?;

        let mut stdin = child.stdin.take().context("no stdin")?;
        let input = std::mem::take(&mut self.input);
        // A program may end without reading all of its input.
        thread::spawn(move || stdin.write_all(&input));
        let stdout = collect(child.stdout.take().context("no stdout")?);
        let stderr = collect(child.stderr.take().context("no stderr")?);

        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if begun.elapsed() > self.deadline {
                child.kill()?;
                child.wait()?;
                break None;
            }
            thread::sleep(Duration::from_millis(10));
        };
        // A process that it left behind may still hold its outputs: that is a fault of its own, found here.
        let grace = Duration::from_secs(10);
        let (out, err) = (stdout.recv_timeout(grace), stderr.recv_timeout(grace));
        let held = out.is_err() || err.is_err();
        let (out, err) = (out.unwrap_or_default(), err.unwrap_or_default());
        let end = status.map_or_else(
            || "killed at its deadline".to_owned(),
            |status| status.to_string(),
        );
        if self.is_noted || !status.is_some_and(|status| status.success()) {
            self.journal
                .note_output(&shown, begun.elapsed(), &end, &out, &err);
        }
        let Some(status) = status else {
            bail!("{shown} did not end within {:?}", self.deadline)
        };
        ensure!(
            !held,
            "{shown} ended, but a process that it started holds its outputs open"
        );
        let stderr = String::from_utf8_lossy(&err).into_owned();
        Ok(Output {
            command: shown,
            status,
            stdout: out,
            stderr,
            took: begun.elapsed(),
        })
    }

    /// Runs it to its end and returns its standard output as text without the last newline. Any exit code but 0 fails.
    pub fn text(self) -> Result<String> {
        Ok(self.run()?.success()?.text())
    }
}

impl Output {
    /// Fails unless the exit code is 0.
    pub fn success(self) -> Result<Self> {
        ensure!(
            self.status.success(),
            "{} ended with {}: {}",
            self.command,
            self.status,
            self.stderr.trim()
        );
        Ok(self)
    }

    /// Fails unless the exit code is `code`.
    pub fn code(self, code: i32) -> Result<Self> {
        let found = self.status;
        ensure!(
            found.code() == Some(code),
            "{} ended with {found}, not {code}: {}",
            self.command,
            self.stderr.trim()
        );
        Ok(self)
    }

    /// Fails unless the exit code is not 0 and standard error contains every one of the words (in any case).
    pub fn fails_naming(self, words: &[&str]) -> Result<Self> {
        ensure!(
            !self.status.success(),
            "{} succeeded, a failure naming {words:?} was expected",
            self.command
        );
        let said = self.stderr.to_lowercase();
        for word in words {
            ensure!(
                said.contains(&word.to_lowercase()),
                "{} does not name `{word}`: {}",
                self.command,
                self.stderr
            );
        }
        Ok(self)
    }

    /// Standard output as text without the last newline.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout)
            .trim_end_matches('\n')
            .to_owned()
    }
}

/// Reads a stream to its end on a thread of its own.
fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
