//! The two channels: data on stdout, everything else on stderr. The only place of this program that prints.
#![expect(
    clippy::print_stderr,
    reason = "messages of a command-line program go to stderr"
)]

use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;

use crate::{
    failure::{Exit, Failure},
    harmless,
};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Writes `text` to stdout as it is.
pub fn data(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// Writes bytes to stdout as they are.
///
/// A reader that has gone away (`pinnace status | head -1`) ends the program quietly, as it ends every other one.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            std::process::exit(Exit::Success.code().into())
        }
        Err(error) => Err(Failure::caused("failed to write to stdout", &error)),
        Ok(()) => Ok(()),
    }
}

/// Writes `value` to stdout as indented JSON.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::caused("failed to write the answer as JSON", &error))?;
    data(&format!("{}\n", harmless::json(&text)))
}

/// Writes `value` to stdout as JSON in one line.
pub fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::caused("failed to write the answer as JSON", &error))?;
    data(&format!("{}\n", harmless::json(&text)))
}

/// Writes bytes to stderr as they are: the other output of a container. Nobody is left to tell when stderr is closed.
pub fn error_bytes(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}

/// A message for people.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Something that deserves attention and does not stop the command.
pub fn warning(text: &str) {
    eprintln!("warning: {}", harmless::line(text));
}

/// The next step.
pub fn hint(text: &str) {
    eprintln!("hint: {}", harmless::line(text));
}

/// Prints why the command did not succeed.
pub fn failure(failure: &Failure) {
    if !failure.message.is_empty() {
        // The output of a host agent that failed to start has several lines; each is cleaned by itself.
        let mut lines = failure.message.lines();
        eprintln!("error: {}", harmless::line(lines.next().unwrap_or_default()));
        for line in lines {
            eprintln!("  {}", harmless::line(line));
        }
    }
    if let Some(text) = &failure.hint {
        hint(text);
    }
}
