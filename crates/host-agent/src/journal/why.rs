//! "Why did it stop?": one sentence, and what it was concluded from. Pure: the time comes from outside.
//!
//! The last run of the container counts: its entries, and the machine's of that time. The causes are asked one after
//! another, the strongest first: a machine that was lost explains everything, an exit code alone very little.

mod cause;
mod ending;
mod running;
mod story;
mod told;

use self::story::Story;
use super::{
    Entry,
    words::{clean, cut, rfc3339, shown},
};

/// The most bytes of a sentence.
const MAX_SENTENCE_BYTES: usize = 600;
/// The most lines of evidence.
const MAX_EVIDENCE: usize = 50;
/// How much of an id stands for a container without a name.
const SHORT_ID: usize = 12;

/// The container in question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its whole id.
    pub container: String,
    /// Its name, empty where it is not known.
    pub name: String,
    /// Whether it runs, as the engine says. `None` where nobody can be asked.
    pub running: Option<bool>,
}

/// Why it stopped, or that it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// One line without control characters.
    pub sentence: String,
    /// What it was concluded from, oldest first.
    pub evidence: Vec<EvidenceLine>,
}

/// One thing that was recorded, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceLine {
    /// When, RFC 3339.
    pub at: String,
    /// One line without control characters.
    pub text: String,
}

/// Explains what became of a container. `entries` are all that are kept, `now_ms` is the time since the Unix epoch.
pub fn explain(subject: &Subject, entries: &[Entry], now_ms: i64) -> Answer {
    let name = match subject.name.as_str() {
        "" => shown(cut(&subject.container, SHORT_ID)),
        name => shown(name),
    };
    let story = Story::of(&subject.container, entries);
    let rest = if story.is_empty() {
        nothing(subject, entries, now_ms)
    } else if runs(subject, &story) {
        running::sentence(&story, now_ms)
    } else {
        ending::sentence(&story, now_ms)
    };
    let sentence = if story.is_empty() {
        format!("nothing is recorded about {name}{rest}")
    } else {
        format!("{name} {rest}")
    };
    let mut evidence: Vec<EvidenceLine> = story
        .last_run()
        .iter()
        .rev()
        .filter_map(|entry| {
            Some(EvidenceLine {
                at: rfc3339(entry.at_ms),
                text: clean(&told::text(&entry.what)?),
            })
        })
        .take(MAX_EVIDENCE)
        .collect();
    evidence.reverse();
    Answer {
        sentence: cut(&clean(&sentence), MAX_SENTENCE_BYTES).to_owned(),
        evidence,
    }
}

fn runs(subject: &Subject, story: &Story) -> bool {
    subject.running.unwrap_or_else(|| story.seems_to_run())
}

fn nothing(subject: &Subject, entries: &[Entry], now_ms: i64) -> String {
    let state = match subject.running {
        Some(true) => ", which runs",
        Some(false) => ", which does not run",
        None => "",
    };
    let since = entries
        .iter()
        .map(|entry| entry.at_ms)
        .min()
        .map_or_else(String::new, |first_ms| {
            format!("; the journal begins {}", super::words::ago(first_ms, now_ms))
        });
    format!("{state}{since}")
}

#[cfg(test)]
mod tests;
