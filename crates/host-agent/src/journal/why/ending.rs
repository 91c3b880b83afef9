//! How the last run ended, as the rest of a sentence that begins with the container's name.

use engine_proxy::guard::{Action, Rule};

use super::{
    super::{
        Entry, What,
        words::{ago, shown},
    },
    cause::{Run, cause},
    story::{End, Story},
};

/// The rest of the sentence.
pub fn sentence(story: &Story, now_ms: i64) -> String {
    match story.end() {
        End::Exit {
            at_ms,
            code,
            oom,
            before,
            after,
        } => {
            let run = Run {
                at_ms,
                code,
                oom,
                before,
                after,
            };
            let cause = cause(&run);
            format!("{} {}{}", cause.verb, ago(at_ms, now_ms), cause.because)
        }
        End::Unseen { since } => unseen(since, story, now_ms),
        End::NeverStarted => never_started(story.last_run(), now_ms),
    }
}

fn unseen(since: &[&Entry], story: &Story, now_ms: i64) -> String {
    let lost = since.iter().find_map(|entry| {
        let when = ago(entry.at_ms, now_ms);
        match &entry.what {
            What::MachineStopping | What::MachineStopped { .. } => {
                Some(format!("was stopped {when} because the machine was stopped"))
            }
            What::MachineCrashed { reason } => Some(format!("ended {when} because {}", crash(reason))),
            What::HostAgentStarted => Some(format!("ended because {}, which was noticed {when}", LOST)),
            _ => None,
        }
    });
    if let Some(lost) = lost {
        return lost;
    }
    if let Some(removed) = since.iter().find(|entry| entry.what == What::Removed) {
        return format!(
            "was removed {}; how it ended was not seen",
            ago(removed.at_ms, now_ms)
        );
    }
    let started = story
        .present()
        .map(|(start, _)| format!("; it was started {}", ago(start.at_ms, now_ms)));
    format!(
        "does not run, and how it ended was not seen{}",
        started.unwrap_or_default()
    )
}

/// What became of a machine that a host agent did not stop in order.
pub const LOST: &str =
    "the machine was lost together with the host agent, by a crash or because the host went down";

/// A crash and its reason, without what the reason says about the next step.
pub fn crash(reason: &str) -> String {
    let reason = reason.split("; ").next().unwrap_or_default();
    match reason {
        "" => "the machine crashed".to_owned(),
        reason if reason.starts_with("the machine") => shown(reason),
        reason => format!("the machine crashed: {}", shown(reason)),
    }
}

fn never_started(entries: &[&Entry], now_ms: i64) -> String {
    let by_guard = |entry: &&&Entry| {
        matches!(
            entry.what,
            What::Guard {
                rule: Rule::O,
                action: Action::Remove,
                ..
            }
        )
    };
    if let Some(entry) = entries.iter().rfind(by_guard) {
        let when = ago(entry.at_ms, now_ms);
        return format!("was removed {when} because its client ended before it was started");
    }
    let last = |wanted: What| entries.iter().rfind(|entry| entry.what == wanted);
    match (last(What::Removed), last(What::Created)) {
        (Some(removed), _) => format!(
            "was removed {} and never started, as far as is recorded",
            ago(removed.at_ms, now_ms)
        ),
        (None, Some(created)) => format!("was created {} and never started", ago(created.at_ms, now_ms)),
        (None, None) => "does not run, and its start was not seen".to_owned(),
    }
}
