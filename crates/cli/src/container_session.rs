//! This program's end of a container's session: `run`, `exec` and `attach` in the foreground.
//!
//! ```text
//!   stdin, Ctrl+C, sizes, signals ──► sending ──► host agent      with a terminal: raw, restored on every way out
//!   stdout, stderr, notes ◄── printing ◄── host agent
//! ```
//!
//! Nothing that matters is done here: when this program is gone, the host agent stops what it ran. That is why it need
//! not do more about its own end than to say so.

mod detach_keys;
mod notes;
mod presses;
mod printing;
mod pulling;
mod sending;

use std::{
    io::{self, IsTerminal as _},
    sync::Mutex,
    time::Duration,
};

use api::{Client, SessionRequest};
use tokio::{sync::mpsc, time::timeout};

pub use self::detach_keys::{DetachKeys, parse_detach_keys};
use self::{
    notes::Notes,
    presses::Presses,
    printing::{End, Subject, print},
    sending::{Left, Sending},
};
use crate::{
    command::Outcome,
    failure::{Exit, Failure},
    output,
    sys::{self, Interrupts},
};

/// How long the host agent may take to say that it knows, when this program is closed: Windows gives 5 s in all.
const CLOSING_LIMIT: Duration = Duration::from_millis(200);
/// The same when it leaves by itself.
const LEAVING_LIMIT: Duration = Duration::from_secs(2);
/// Docker's exit code when the engine, or what leads to it, fails.
const ENGINE_FAILED: u8 = 125;

/// What a session is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A container of this program's own.
    Run,
    /// A command of this program's own.
    Exec,
    /// A container of somebody's.
    Attach,
}

/// Which outputs are printed. With a terminal everything is standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Outputs {
    /// All.
    pub const ALL: Self = Self {
        stdout: true,
        stderr: true,
    };
}

/// How a session goes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it is about.
    pub kind: Kind,
    /// Whether it ends with the start.
    pub background: bool,
    /// Whether input is read.
    pub stdin: bool,
    /// The outputs that are printed.
    pub outputs: Outputs,
    /// Whether signals are passed on.
    pub sig_proxy: bool,
    /// The keys that detach, with a terminal.
    pub detach_keys: DetachKeys,
}

/// Columns and rows of the terminal that output goes to.
pub fn terminal_size() -> Option<(u16, u16)> {
    io::stdout().is_terminal().then(sys::terminal_size).flatten()
}

/// A terminal that is wanted with input needs one here.
pub fn refuse_without_terminal(tty: bool, stdin: bool) -> Result<(), Failure> {
    if tty && stdin && !io::stdin().is_terminal() {
        return Err(Failure::new("-t with -i needs a terminal, and stdin is none")
            .hint("leave out -t to pass on input from a file or pipe"));
    }
    Ok(())
}

/// Goes on until the session has ended or this program leaves it.
pub async fn follow(
    client: &Client,
    request: &SessionRequest,
    settings: &Settings,
    interrupts: &mut Interrupts,
) -> Outcome {
    let (reader, writer) = tokio::select! {
        opened = client.container_session(request) => opened?,
        // Nothing was asked for yet.
        _ = interrupts.next() => return Ok(Exit::Interrupted),
    };
    let notes = Notes::default();
    let (news_sender, news) = mpsc::unbounded_channel();
    let subject = Mutex::new(Subject::default());
    let printing = print(reader, settings, notes.clone(), news_sender, &subject);
    tokio::pin!(printing);
    let mut sending = Sending {
        writer,
        interrupts,
        settings,
        notes: notes.clone(),
        news,
        terminal: None,
        presses: Presses::new(),
        interrupted: 0,
    };
    let (end, left) = tokio::select! {
        end = &mut printing => (Some(end), None),
        left = sending.send() => {
            sending.hear_no_more();
            let limit = match left {
                Left::Closing => CLOSING_LIMIT,
                Left::Detached | Left::LetGo => LEAVING_LIMIT,
                Left::GaveUp => Duration::ZERO,
            };
            (timeout(limit, &mut printing).await.ok(), Some(left))
        }
    };
    // Before anything is printed.
    sending.terminal = None;
    notes.set_raw(false);
    let wanted_end = sending.wants_end();
    let subject = subject.lock().map(|subject| subject.clone()).unwrap_or_default();
    match (left, end) {
        (None | Some(Left::Detached | Left::LetGo), Some(End::Exited(code))) => {
            if settings.background && settings.kind == Kind::Run && code == 0 {
                output::data(&format!("{}\n", subject.id))?;
            }
            // What Ctrl+C ended says so, whatever its own exit code: scripts stop at it.
            Ok(if wanted_end {
                Exit::Interrupted
            } else {
                Exit::Guest(low_byte(code))
            })
        }
        (_, Some(End::Failed(failure))) => {
            Err(Failure::from(failure.error).exit(Exit::Guest(failure.exit_code)))
        }
        (Some(left @ (Left::Detached | Left::LetGo)), _) => {
            say_left(settings.kind, &subject);
            Ok(if left == Left::LetGo {
                Exit::Interrupted
            } else {
                Exit::Success
            })
        }
        (Some(Left::GaveUp), _) => {
            say_given_up(settings.kind, &subject);
            Ok(Exit::Interrupted)
        }
        (Some(Left::Closing), _) => Ok(Exit::Interrupted),
        (None, Some(End::Detached)) => {
            say_left(settings.kind, &subject);
            Ok(Exit::Success)
        }
        (None, Some(End::Lost(error))) => Err(lost(error)),
        (None, Some(End::ClosingAcked) | None) => Ok(Exit::Interrupted),
    }
}

/// What the shell sees of an exit code.
fn low_byte(code: i64) -> u8 {
    code.to_le_bytes()[0]
}

fn lost(error: Option<io::Error>) -> Failure {
    let what = "the connection to the host agent was lost";
    let failure = match error {
        Some(error) => Failure::caused(what, &error),
        None => Failure::new(what),
    };
    failure
        .exit(Exit::Guest(ENGINE_FAILED))
        .hint("see `pinnace status` and `pinnace logs host-agent`")
}

fn say_left(kind: Kind, subject: &Subject) {
    if kind == Kind::Exec {
        return output::note(&format!(
            "command left running in {}",
            crate::harmless::line(&subject.name)
        ));
    }
    output::note(&format!(
        "container {} left running",
        crate::harmless::line(&subject.name)
    ));
    output::hint(&format!(
        "reattach with `pinnace attach {name}`, stop with `pinnace stop {name}`",
        name = subject.name
    ));
}

fn say_given_up(kind: Kind, subject: &Subject) {
    match kind {
        Kind::Run => output::note("no longer waiting; the host agent goes on stopping the container"),
        Kind::Exec => output::note("no longer waiting; the host agent goes on ending the command"),
        Kind::Attach => say_left(kind, subject),
    }
}
