//! The part of the journal that is about one container's last run.

use super::super::{Entry, What};

/// How long after the end of PID 1 entries may come that belong to it: the engine says `stop` after `die`, and the
/// clocks of host and machine differ a little.
const AFTERMATH_MS: i64 = 3_000;

/// A container's entries and the machine's, in the order of their times.
pub struct Story<'a> {
    entries: Vec<&'a Entry>,
    started: Option<usize>,
    exited: Option<usize>,
}

/// How the last run ended.
pub enum End<'a> {
    /// PID 1 ended, and that was seen.
    Exit {
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
        /// Its code.
        code: i64,
        /// Whether something in it was killed for want of memory.
        oom: bool,
        /// What came before in this run, the start not included.
        before: &'a [&'a Entry],
        /// What came right after.
        after: &'a [&'a Entry],
    },
    /// It was started, and its end was not seen.
    Unseen {
        /// What came since.
        since: &'a [&'a Entry],
    },
    /// It was never started, as far as is known.
    NeverStarted,
}

impl<'a> Story<'a> {
    pub fn of(container: &'a str, entries: &'a [Entry]) -> Self {
        let its = |entry: &&Entry| !container.is_empty() && entry.container == container;
        let Some(first_ms) = entries.iter().filter(its).map(|entry| entry.at_ms).min() else {
            return Self {
                entries: Vec::new(),
                started: None,
                exited: None,
            };
        };
        let mut entries: Vec<&Entry> = entries
            .iter()
            .filter(|entry| its(entry) || (entry.container.is_empty() && entry.at_ms >= first_ms))
            .collect();
        entries.sort_by_key(|entry| entry.at_ms);
        let last = |wanted: fn(&What) -> bool| entries.iter().rposition(|entry| wanted(&entry.what));
        Self {
            started: last(|what| *what == What::Started),
            exited: last(|what| matches!(what, What::Exited { .. })),
            entries,
        }
    }

    /// Whether nothing is recorded about the container.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it was started, and nothing says that it ended.
    pub fn seems_to_run(&self) -> bool {
        match self.end() {
            End::Unseen { since } => !since.iter().any(|entry| {
                matches!(
                    entry.what,
                    What::Removed
                        | What::HostAgentStarted
                        | What::MachineStopping
                        | What::MachineStopped { .. }
                        | What::MachineCrashed { .. }
                )
            }),
            End::Exit { .. } | End::NeverStarted => false,
        }
    }

    /// How the last run ended.
    pub fn end(&self) -> End<'_> {
        match (self.started, self.exited) {
            (Some(started), Some(exited)) if exited < started => End::Unseen {
                since: &self.entries[started + 1..],
            },
            (Some(started), None) => End::Unseen {
                since: &self.entries[started + 1..],
            },
            (_, Some(exited)) => {
                let entry = self.entries[exited];
                let What::Exited { code, oom } = entry.what else {
                    return End::NeverStarted;
                };
                End::Exit {
                    at_ms: entry.at_ms,
                    code,
                    oom,
                    before: &self.entries[self.begin(exited)..exited],
                    after: &self.entries[exited + 1..self.aftermath(exited)],
                }
            }
            (None, None) => End::NeverStarted,
        }
    }

    /// The start of the present run, and what came since.
    pub fn present(&self) -> Option<(&'a Entry, &[&'a Entry])> {
        let started = self.started?;
        Some((self.entries[started], &self.entries[started + 1..]))
    }

    /// The exit before the present run.
    pub fn previous_exit(&self) -> Option<&'a Entry> {
        let before = &self.entries[..self.started?];
        let exited = |entry: &&&Entry| matches!(entry.what, What::Exited { .. });
        before.iter().rfind(exited).copied()
    }

    /// All entries of the last run, its start included, and what belongs to its end.
    pub fn last_run(&self) -> &[&'a Entry] {
        match (self.started, self.exited) {
            (Some(started), Some(exited)) if exited < started => &self.entries[started..],
            (Some(started), None) => &self.entries[started..],
            (_, Some(exited)) => {
                let begin = self.begin(exited);
                let start = match begin.checked_sub(1) {
                    Some(start) if self.entries[start].what == What::Started => start,
                    _ => begin,
                };
                &self.entries[start..self.aftermath(exited)]
            }
            (None, None) => &self.entries,
        }
    }

    /// Where the run begins that ended at `exited`: after its start, or after the end before it.
    fn begin(&self, exited: usize) -> usize {
        let starts_or_ends = |entry: &&Entry| matches!(entry.what, What::Started | What::Exited { .. });
        self.entries[..exited]
            .iter()
            .rposition(starts_or_ends)
            .map_or(0, |index| index + 1)
    }

    fn aftermath(&self, exited: usize) -> usize {
        let latest_ms = self.entries[exited].at_ms.saturating_add(AFTERMATH_MS);
        self.entries[exited + 1..]
            .iter()
            .position(|entry| entry.at_ms > latest_ms || entry.what == What::Started)
            .map_or(self.entries.len(), |index| exited + 1 + index)
    }
}
