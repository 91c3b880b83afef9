//! What is said of a container that runs, as the rest of a sentence that begins with its name.

use engine_proxy::guard::{Action, Rule};

use super::{
    super::{Entry, What, words::ago},
    story::Story,
};
use crate::lease::LeaseRecord;

/// How long after an exit a start belongs to it.
const RESTART_MS: i64 = 120_000;

/// The rest of the sentence.
pub fn sentence(story: &Story, now_ms: i64) -> String {
    let Some((start, since)) = story.present() else {
        return "runs; its start was not seen".to_owned();
    };
    if let Some(text) = since.iter().rev().find_map(|entry| left(entry, now_ms)) {
        return format!("runs: {text}");
    }
    let stands_still = |entry: &&Entry| match entry.what {
        What::Paused => Some((entry.at_ms, "is paused; that was done")),
        What::MachinePaused => Some((entry.at_ms, "stands still, because the machine was paused")),
        What::Unpaused | What::MachineResumed => Some((entry.at_ms, "")),
        _ => None,
    };
    if let Some((at_ms, text)) = since.iter().rev().find_map(stands_still)
        && !text.is_empty()
    {
        return format!("{text} {}", ago(at_ms, now_ms));
    }
    let when = ago(start.at_ms, now_ms);
    match story.previous_exit() {
        Some(exit) if start.at_ms.saturating_sub(exit.at_ms) < RESTART_MS => match exit.what {
            What::Exited { code, .. } => {
                format!("runs; it was started again {when}, after it ended with code {code}")
            }
            _ => format!("runs; it was started again {when}"),
        },
        _ => format!("runs; it was started {when}"),
    }
}

/// Whether its client left it running.
fn left(entry: &Entry, now_ms: i64) -> Option<String> {
    let when = ago(entry.at_ms, now_ms);
    match &entry.what {
        What::Lease {
            record: LeaseRecord::Detached { .. },
        }
        | What::Guard {
            rule: Rule::C4,
            action: Action::LeftRunning,
            ..
        } => Some(format!("you left it running (Ctrl+P Ctrl+Q) {when}")),
        What::Guard {
            rule,
            action: Action::LeftRunning,
            ..
        } if *rule != Rule::X => Some(format!("its client left {when}, and it goes on without it")),
        _ => None,
    }
}
