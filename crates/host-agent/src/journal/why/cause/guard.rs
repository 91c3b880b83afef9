//! The foreground guard stopped it.

use engine_proxy::guard::{Action, Evidence, Rule};

use super::{Cause, Entry, Run, What, seconds};
use crate::journal::words::shown;

/// Whether the guard decided to stop the container.
pub fn stops(entry: &Entry) -> bool {
    matches!(
        entry.what,
        What::Guard {
            action: Action::Stop { .. },
            ..
        }
    )
}

/// The first decision to stop it that did not fail.
pub fn cause(run: &Run) -> Option<Cause> {
    let decisions: Vec<_> = run
        .all()
        .filter_map(|entry| match &entry.what {
            What::Guard {
                rule,
                action,
                evidence,
                client_pid,
            } => Some((*rule, action, evidence, *client_pid)),
            _ => None,
        })
        .collect();
    let (_, (rule, _, evidence, pid)) =
        decisions.iter().enumerate().find(|(index, (rule, action, ..))| {
            let mut later = decisions[index + 1..].iter().filter(|later| later.0 == *rule);
            matches!(action, Action::Stop { .. })
                && !later
                    .next()
                    .is_some_and(|(_, action, ..)| matches!(action, Action::Failed(_)))
        })?;
    Some(told(*rule, evidence, *pid, run))
}

fn told(rule: Rule, evidence: &[Evidence], pid: Option<u32>, run: &Run) -> Cause {
    let killed = run.killed();
    let stopped = |why: &str| format!(": {why}, so it was stopped{killed}");
    let process = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
    match rule {
        Rule::K => {
            let lost = evidence.iter().find_map(|evidence| match evidence {
                Evidence::NotCaught { signal, program } => Some((shown(signal), shown(program))),
                _ => None,
            });
            let (signal, program) =
                lost.unwrap_or_else(|| ("the signal".to_owned(), "its program".to_owned()));
            Cause::new(
                format!("was stopped by {}", pressed(evidence)),
                stopped(&format!("{signal} had no effect on {program} as PID 1")),
            )
        }
        Rule::K2 if signals(evidence) > 1 => Cause::new("was stopped by a second Ctrl+C", killed),
        Rule::K2 => Cause::new(
            "was stopped",
            format!(
                " because its client{process} left right after {}{killed}",
                pressed(evidence)
            ),
        ),
        Rule::K3 => {
            let after = evidence.iter().find_map(|evidence| match evidence {
                Evidence::StillRunning { after_ms } => i64::try_from(*after_ms).ok(),
                _ => None,
            });
            let after = after.map_or_else(String::new, |ms| format!(" {}", seconds(ms)));
            Cause::new(
                format!("was stopped by {}", pressed(evidence)),
                stopped(&format!("it still ran{after} after that")),
            )
        }
        Rule::H => Cause::new(
            "was stopped",
            format!(" because the terminal that ran it was closed{killed}"),
        ),
        Rule::T => {
            let program = evidence.iter().find_map(|evidence| match evidence {
                Evidence::KeyHasNoEffect { program } => Some(shown(program)),
                _ => None,
            });
            let program = program.unwrap_or_else(|| "its program".to_owned());
            Cause::new(
                "was stopped by Ctrl+C",
                stopped(&format!("the key had no effect on {program} as PID 1")),
            )
        }
        Rule::C1 | Rule::C2 | Rule::C3 | Rule::C4 | Rule::O | Rule::X => {
            let exited = |evidence: &Evidence| matches!(evidence, Evidence::ClientExited { .. });
            let left = if evidence.iter().any(exited) {
                "died"
            } else {
                "left"
            };
            Cause::new(
                "was stopped",
                format!(" because its client{process} {left}{killed}"),
            )
        }
    }
}

fn signals(evidence: &[Evidence]) -> usize {
    let signal = |evidence: &&Evidence| matches!(evidence, Evidence::Signal { .. });
    evidence.iter().filter(signal).count()
}

/// What the client's signal was: `Ctrl+C`, `SIGTERM from its client`.
fn pressed(evidence: &[Evidence]) -> String {
    let last = evidence.iter().rev().find_map(|evidence| match evidence {
        Evidence::Signal { signal, .. } => Some(signal.as_str()),
        _ => None,
    });
    match last {
        None | Some("SIGINT") => "Ctrl+C".to_owned(),
        Some(signal) => format!("{} from its client", shown(signal)),
    }
}
