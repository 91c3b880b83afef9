//! Why a run ended: the causes, strongest first.

mod guard;
mod lease;

use super::{
    super::{
        By, Entry, What,
        words::{rough, seconds, signal, size},
    },
    ending::{LOST, crash},
};

const SIGKILL_CODE: i64 = 137;
/// Shorter than this a kill follows at once.
const AT_ONCE_MS: i64 = 300;
/// How long before its end the want of memory of another of its processes may explain something.
const MEMORY_MS: i64 = 30_000;
/// How long after the host woke up something may have to do with its sleep.
const SLEEP_MS: i64 = 60_000;
/// How long after a signal a program may take to end because of it.
const SIGNAL_MS: i64 = 60_000;

/// How long after a signal SIGKILL may come for both to be one stop.
const STOP_MS: i64 = 120_000;

/// A run that ended with the exit of PID 1.
pub struct Run<'a> {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The exit code.
    pub code: i64,
    /// Whether something in it was killed for want of memory.
    pub oom: bool,
    /// The entries of the run.
    pub before: &'a [&'a Entry],
    /// Those right after its end.
    pub after: &'a [&'a Entry],
}

/// A cause in two pieces, between which the time stands.
pub struct Cause {
    /// What happened, as in `was killed`.
    pub verb: String,
    /// How that came about; empty, or begins with a space or a comma.
    pub because: String,
}

impl Cause {
    fn new(verb: impl Into<String>, because: impl Into<String>) -> Self {
        Self {
            verb: verb.into(),
            because: because.into(),
        }
    }
}

/// Finds the cause.
pub fn cause(run: &Run) -> Cause {
    machine(run)
        .or_else(|| memory(run))
        .or_else(|| guard::cause(run))
        .or_else(|| lease::cause(run))
        .or_else(|| engine(run))
        .or_else(|| caller(run))
        .unwrap_or_else(|| itself(run))
}

impl Run<'_> {
    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.before.iter().chain(self.after).copied()
    }

    /// The first time somebody wanted it to end.
    fn asked_at_ms(&self) -> Option<i64> {
        let asked = |entry: &&Entry| match &entry.what {
            What::StopAsked { .. } => true,
            What::Guard { .. } => guard::stops(entry),
            What::Lease { record } => lease::ends(record),
            _ => false,
        };
        self.all().find(asked).map(|entry| entry.at_ms)
    }

    /// When SIGKILL was sent to it.
    fn killed_at_ms(&self) -> Option<i64> {
        let killed = |entry: &&&Entry| match &entry.what {
            What::Killed { .. } => true,
            What::Lease { record } => lease::kills(record),
            _ => false,
        };
        self.before.iter().rfind(killed).map(|entry| entry.at_ms)
    }

    /// How long after it was asked to end it was killed, where it was asked.
    fn killed_after_ms(&self) -> Option<i64> {
        let killed_ms = self.killed_at_ms().filter(|_| self.code == SIGKILL_CODE)?;
        let signalled = || {
            let range = killed_ms.saturating_sub(STOP_MS)..=killed_ms;
            let signal =
                |entry: &&&Entry| matches!(entry.what, What::Signal { .. }) && range.contains(&entry.at_ms);
            self.before.iter().rfind(signal).map(|entry| entry.at_ms)
        };
        let asked_ms = self.asked_at_ms().or_else(signalled)?;
        Some(killed_ms.saturating_sub(asked_ms))
    }

    /// `, and killed after 10 s`, where a stop came to that.
    fn killed(&self) -> String {
        if self.killed_at_ms().is_none() || self.code != SIGKILL_CODE {
            return String::new();
        }
        match self.killed_after_ms() {
            Some(after_ms) if after_ms >= AT_ONCE_MS => format!(", and killed after {}", seconds(after_ms)),
            _ => ", and killed".to_owned(),
        }
    }
}

/// The machine went down, and the container with it.
fn machine(run: &Run) -> Option<Cause> {
    let (at_ms, cause) = run.before.iter().find_map(|entry| {
        let cause = match &entry.what {
            What::MachineStopping | What::MachineStopped { .. } => {
                Cause::new("was stopped", " because the machine was stopped")
            }
            What::MachineCrashed { reason } => Cause::new("ended", format!(" because {}", crash(reason))),
            What::HostAgentStarted => Cause::new("ended", format!(" because {LOST}")),
            _ => return None,
        };
        Some((entry.at_ms, cause))
    })?;
    let asked_before = run.asked_at_ms().is_some_and(|asked_ms| asked_ms < at_ms);
    (!asked_before).then_some(cause)
}

/// The kernel killed it for want of memory. What else kills goes by the engine, and was seen.
fn memory(run: &Run) -> Option<Cause> {
    if run.code != SIGKILL_CODE || run.killed_at_ms().is_some() || run.asked_at_ms().is_some() {
        return None;
    }
    let limit = memory_limit(run);
    if limit.is_none() && !run.oom {
        return None;
    }
    let limit = match limit {
        Some(bytes) if bytes > 0 => format!(" at its limit of {}", size(bytes)),
        _ => String::new(),
    };
    Some(Cause::new(format!("was killed for want of memory{limit}"), ""))
}

/// The limit at which something in it was killed for want of memory right before its end.
fn memory_limit(run: &Run) -> Option<u64> {
    let earliest_ms = run.at_ms.saturating_sub(MEMORY_MS);
    let recent = run.all().filter(|entry| entry.at_ms >= earliest_ms);
    recent
        .filter_map(|entry| match entry.what {
            What::OutOfMemory { limit_bytes } => Some(limit_bytes),
            _ => None,
        })
        .last()
}

/// The engine was down.
fn engine(run: &Run) -> Option<Cause> {
    let lost = |entry: &&&Entry| matches!(entry.what, What::EngineLost | What::EngineRestarted);
    let last = run.before.iter().rfind(lost)?;
    (last.what == What::EngineLost).then(|| Cause::new("ended", " while the engine was restarted"))
}

/// Somebody asked the engine.
fn caller(run: &Run) -> Option<Cause> {
    let said = run.all().find_map(|entry| match entry.what {
        What::StopAsked { by, .. } => Some(by),
        What::Stopped => Some(By::Caller),
        _ => None,
    });
    // The engine's word that this was a stop comes a moment after the end: a signal and then SIGKILL say it too.
    let asked = said.or_else(|| run.killed_after_ms().map(|_| By::Caller));
    if let Some(by) = asked {
        let because = format!(" by {}{}", who(by, "`docker stop`"), run.killed());
        return Some(Cause::new("was stopped", because));
    }
    let removed = run.after.iter().any(|entry| entry.what == What::Removed);
    let killed = run.before.iter().rev().find_map(|entry| match entry.what {
        What::Killed { by } => Some(by),
        _ => None,
    });
    if let Some(by) = killed.filter(|_| run.code == SIGKILL_CODE) {
        let (verb, usual) = if removed {
            ("was killed and removed", "`docker rm -f`, `docker kill`")
        } else {
            ("was killed", "`docker kill`")
        };
        return Some(Cause::new(verb, format!(" by {}", who(by, usual))));
    }
    let (number, by) = run.before.iter().rev().find_map(|entry| {
        let recent = entry.at_ms >= run.at_ms.saturating_sub(SIGNAL_MS);
        match entry.what {
            What::Signal { signal, by } if recent && ends_programs(signal) || by_code(run, &entry.what) => {
                Some((signal, by))
            }
            _ => None,
        }
    })?;
    let verb = format!("ended with code {}", run.code);
    Some(Cause::new(
        verb,
        format!(
            " after {} from {}",
            signal(number),
            who(by, "`docker stop`, `docker kill`")
        ),
    ))
}

fn who(by: By, usual: &str) -> String {
    match by {
        By::Caller => format!("{usual} or another client of the engine"),
        By::Client { pid } => format!("a client of the engine (process {pid})"),
        By::Lease => "`pinnace run`".to_owned(),
        By::Guard => "the foreground guard".to_owned(),
    }
}

/// HUP, INT, QUIT, TERM: the others mean something else to most programs.
fn ends_programs(signal: u8) -> bool {
    matches!(signal, 1 | 2 | 3 | 15)
}

fn by_code(run: &Run, what: &What) -> bool {
    matches!(*what, What::Signal { signal, .. } if run.code == 128 + i64::from(signal))
}

/// Nobody is known to have had to do with it.
fn itself(run: &Run) -> Cause {
    let verb = match run.code {
        SIGKILL_CODE => "was killed (SIGKILL) by something in the machine".to_owned(),
        130 => "was ended by SIGINT, as Ctrl+C in its terminal sends it".to_owned(),
        code @ (129 | 143) => format!("was ended by {} from something in the machine", by_signal(code)),
        code @ (131..=136 | 139 | 159) => format!("crashed ({}, code {code})", by_signal(code)),
        code => format!("exited by itself with code {code}"),
    };
    Cause::new(verb, circumstances(run))
}

fn by_signal(code: i64) -> String {
    signal(u8::try_from(code - 128).unwrap_or(0))
}

/// What may have had to do with it.
fn circumstances(run: &Run) -> String {
    if memory_limit(run).is_some() {
        return ", right after one of its processes was killed for want of memory".to_owned();
    }
    let slept = run.before.iter().rev().find_map(|entry| match entry.what {
        What::HostSlept { for_ms } if entry.at_ms >= run.at_ms.saturating_sub(SLEEP_MS) => Some(for_ms),
        _ => None,
    });
    match slept {
        Some(for_ms) => format!(
            ", right after the host slept for {}",
            rough(i64::try_from(for_ms).unwrap_or(i64::MAX))
        ),
        None => String::new(),
    }
}
