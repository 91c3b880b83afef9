//! One cell of the matrix: a client, what happens to it, PID 1, and what must come of it.

use std::fmt;

use rustix::process::Signal;

use super::{facts::Pid1Fact, interpreters::INTERPRETERS};
use crate::IMAGE;

/// How the client was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `docker run`.
    Run,
    /// `docker run -i`.
    RunI,
    /// `docker run -it`.
    RunIt,
    /// `docker run --rm`.
    RunRm,
    /// `docker run --rm -it`.
    RunRmIt,
    /// `docker run --sig-proxy=false`.
    RunNoProxy,
    /// `docker run` of a container that the engine starts again by itself.
    RunRestarted,
    /// `docker run` of a container whose label says that it goes on without its client.
    RunLabelled,
    /// As Visual Studio Code starts a dev container.
    DevContainer,
    /// `docker create`, then `docker start -a`.
    StartA,
    /// `docker run -d`, then `docker attach`.
    Attach,
    /// `docker run -dit`, then `docker attach`.
    AttachIt,
    /// `docker exec -it` of `sleep` in a container with an init. The cell is about the `sleep`.
    ExecIt,
    /// `docker compose up`.
    ComposeUp,
}

impl Surface {
    /// Whether the client puts its terminal into raw mode.
    pub fn is_raw(self) -> bool {
        matches!(self, Self::RunIt | Self::RunRmIt | Self::AttachIt | Self::ExecIt)
    }
}

/// What happens to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ctrl+C, so many times. On a terminal in raw mode it is a byte, else SIGINT.
    CtrlC(u8),
    /// A signal to the client.
    Signal(Signal),
    /// SIGHUP, then SIGCONT.
    HangUpAndContinue,
    /// SIGKILL to it and to the programs that it started, all at once.
    KillGroup,
    /// Its terminal is closed.
    CloseTerminal,
    /// SIGTERM, and once the engine knows of it, SIGKILL.
    TerminateThenKill,
    /// Ctrl+P, Ctrl+Q.
    Detach,
    /// Ctrl+D.
    EndOfInput,
}

pub const TERM: Action = Action::Signal(Signal::TERM);
pub const QUIT: Action = Action::Signal(Signal::QUIT);
pub const HUP: Action = Action::Signal(Signal::HUP);
pub const KILL: Action = Action::Signal(Signal::KILL);

/// What PID 1 of the container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pid1 {
    /// Catches nothing: as PID 1 it hears no signal.
    Sleep,
    /// `sh -c` with something to do afterwards: catches SIGINT and goes on.
    Sh,
    /// Catches SIGINT and SIGTERM and goes on, as `node` with a server does.
    NodeLike,
    /// Ends by SIGINT and hears no SIGTERM, as `python3` does.
    PythonLike,
    /// `sleep` under `docker run --init`.
    Tini,
    /// `cat`, which ends with its input.
    Cat,
    /// `bash -c` with something to do afterwards.
    Bash,
    /// `bash` with a trap for SIGINT and SIGTERM, which goes on.
    BashTrap,
    /// `bash` at its prompt, on a terminal only.
    BashPrompt,
    /// `python3`, asleep.
    Python,
    /// `python3` that has SIGTERM dropped.
    PythonDeaf,
}

impl Pid1 {
    /// The command in the container.
    pub fn argv(self) -> &'static [&'static str] {
        match self {
            Self::Sleep | Self::Tini => &["sleep", "1000"],
            Self::Sh => &["sh", "-c", "sleep 1000; :"],
            Self::NodeLike => &["sh", "-c", "trap : INT TERM; while :; do sleep 1; done"],
            Self::PythonLike => &["sh", "-c", "trap 'exit 130' INT; sleep 1000 & wait"],
            Self::Cat => &["cat"],
            Self::Bash => &["bash", "-c", "sleep 1000; :"],
            Self::BashTrap => &["bash", "-c", "trap : INT TERM; while :; do sleep 1; done"],
            Self::BashPrompt => &["bash"],
            Self::Python => &[
                "python3",
                "-c",
                "import time; print('ready', flush=True); time.sleep(1000)",
            ],
            Self::PythonDeaf => &[
                "python3",
                "-c",
                "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); \
                 time.sleep(1000)",
            ],
        }
    }

    /// The image that has it.
    pub fn image(self) -> &'static str {
        match self {
            Self::Bash | Self::BashTrap | Self::BashPrompt | Self::Python | Self::PythonDeaf => INTERPRETERS,
            _ => IMAGE,
        }
    }

    /// What it prints when it is all set up, where its signals do not say so.
    pub fn greeting(self) -> Option<&'static str> {
        match self {
            Self::BashPrompt => Some("# "),
            Self::Python | Self::PythonDeaf => Some("ready"),
            _ => None,
        }
    }

    /// Flags of `docker run` and `docker create`.
    pub fn flags(self) -> &'static [&'static str] {
        if self == Self::Tini { &["--init"] } else { &[] }
    }

    /// Whether a process whose facts these are is this PID 1, all set up, as far as facts tell.
    pub fn is(self, fact: &Pid1Fact) -> bool {
        let name = fact.program.as_str();
        let (int, term) = (fact.catches(Signal::INT), fact.catches(Signal::TERM));
        let sleeps = fact.has_child("sleep");
        match self {
            Self::Sleep => name == "sleep",
            Self::Cat => name == "cat",
            Self::Tini => name.contains("init") && sleeps,
            Self::Sh => name == "sh" && int && !term && sleeps,
            Self::PythonLike => name == "sh" && int && sleeps,
            Self::NodeLike => name == "sh" && int && term,
            Self::Bash => name == "bash" && int && !term && sleeps,
            Self::BashTrap => name == "bash" && int && term,
            Self::BashPrompt => name == "bash" && int,
            Self::Python => name == "python3" && int,
            Self::PythonDeaf => name == "python3" && int && fact.ignores(Signal::TERM),
        }
    }
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The container has ended, with nobody's further help.
    Stops,
    /// It goes on, although the guard has had its chance.
    Stays,
}

/// A cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub surface: Surface,
    pub action: Action,
    pub pid1: Pid1,
    pub outcome: Outcome,
    /// The rule by which it is so; `stock` where dockerd alone does the same.
    pub rule: &'static str,
}

pub const fn cell(
    surface: Surface,
    action: Action,
    pid1: Pid1,
    outcome: Outcome,
    rule: &'static str,
) -> Cell {
    Cell {
        surface,
        action,
        pid1,
        outcome,
        rule,
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            surface,
            action,
            pid1,
            outcome,
            rule,
        } = self;
        write!(
            f,
            "{surface:?} × {action:?} × {pid1:?} → {outcome:?} (rule {rule})"
        )
    }
}
