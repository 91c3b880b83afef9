//! The lease of a `pinnace run` ended it.

use api::EscalationReason;

use super::{Cause, Run, What, seconds};
use crate::lease::LeaseRecord;

/// Whether the container is being ended with it.
pub fn ends(record: &LeaseRecord) -> bool {
    matches!(record, LeaseRecord::Stopping { .. } | LeaseRecord::Killing { .. })
}

/// Whether the container is being killed with it.
pub fn kills(record: &LeaseRecord) -> bool {
    matches!(record, LeaseRecord::Killing { .. })
}

/// The first step that ended it, or Ctrl+C alone.
pub fn cause(run: &Run) -> Option<Cause> {
    let records: Vec<(i64, &LeaseRecord)> = run
        .all()
        .filter_map(|entry| match &entry.what {
            What::Lease { record } => Some((entry.at_ms, record)),
            _ => None,
        })
        .collect();
    let presses = records.iter().rev().find_map(|(at_ms, record)| match record {
        LeaseRecord::Interrupted { press, .. } => Some((*at_ms, *press)),
        _ => None,
    });
    let step = records.iter().find_map(|(at_ms, record)| match record {
        LeaseRecord::Stopping { why, .. } | LeaseRecord::Killing { why, .. } => {
            Some((*at_ms, *why, kills(record)))
        }
        _ => None,
    });
    let Some((at_ms, why, at_once)) = step else {
        let (_, press) = presses?;
        let times = if press > 1 {
            format!(", pressed {press} times")
        } else {
            String::new()
        };
        return Some(Cause::new(
            format!("was ended by Ctrl+C, with code {},", run.code),
            times,
        ));
    };
    let killed = run.killed();
    let first_press_ms = records.iter().find_map(|(at_ms, record)| match record {
        LeaseRecord::Interrupted { .. } => Some(*at_ms),
        _ => None,
    });
    Some(match why {
        EscalationReason::SignalUnheard => Cause::new(
            "was stopped by Ctrl+C",
            format!(": SIGINT had no effect on its PID 1, so it was stopped{killed}"),
        ),
        EscalationReason::StillRunning => {
            let after = first_press_ms
                .map(|press_ms| format!(" {}", seconds(at_ms.saturating_sub(press_ms))))
                .unwrap_or_default();
            Cause::new(
                "was stopped by Ctrl+C",
                format!(": it still ran{after} after that, so it was stopped{killed}"),
            )
        }
        EscalationReason::ClientGone => {
            let closed =
                |(_, record): &(i64, &LeaseRecord)| matches!(record, LeaseRecord::ClientClosing { .. });
            let because = if records.iter().any(closed) {
                "the terminal or the client that ran it was closed"
            } else {
                "its client died"
            };
            Cause::new("was stopped", format!(" because {because}{killed}"))
        }
        EscalationReason::Asked if at_once => Cause::new("was killed", " as its client asked"),
        EscalationReason::Asked => match presses {
            Some((_, 2..)) => Cause::new("was stopped by a second Ctrl+C", killed),
            _ => Cause::new("was stopped", format!(" as its client asked{killed}")),
        },
    })
}
