//! The engine's events, as entries.

use std::collections::BTreeMap;

use engine_client::EngineEvent;

use super::{By, Entry, What};
use crate::lease::signal_number;

/// Nanoseconds in a millisecond.
const NS_PER_MS: i64 = 1_000_000;
/// SIGKILL's number on Linux.
const SIGKILL: u8 = 9;

/// The events that the journal keeps, as the engine filters them. Those of commands in containers are not among them:
/// a health check makes three every few seconds.
pub const FILTERS: &str = r#"{"type":["container"],"event":["create","start","die","kill","oom","stop","pause","unpause","restart","rename","destroy"]}"#;

/// The entry that keeps an event; `None` for those that are of no interest. `Exited` and `OutOfMemory` have yet to be
/// told what only earlier events know.
pub fn entry(event: &EngineEvent) -> Option<Entry> {
    if event.kind != "container" || event.actor.id.is_empty() {
        return None;
    }
    let attributes = &event.actor.attributes;
    let what = match event.action.as_str() {
        "create" => What::Created,
        "start" => What::Started,
        "die" => What::Exited {
            code: number(attributes, "exitCode").unwrap_or(-1),
            oom: false,
        },
        "oom" => What::OutOfMemory { limit_bytes: 0 },
        "kill" => match attributes.get("signal").and_then(|signal| signal_number(signal)) {
            Some(SIGKILL) => What::Killed { by: By::Caller },
            Some(signal) => What::Signal {
                signal,
                by: By::Caller,
            },
            None => return None,
        },
        "stop" => What::Stopped,
        "pause" => What::Paused,
        "unpause" => What::Unpaused,
        "restart" => What::Restarted,
        "rename" => What::Renamed,
        "destroy" => What::Removed,
        _ => return None,
    };
    let text = |name| attributes.get(name).cloned().unwrap_or_default();
    Some(Entry {
        at_ms: at_ms(event),
        container: event.actor.id.clone(),
        name: text("name").trim_start_matches('/').to_owned(),
        image: text("image"),
        what,
    })
}

/// When it happened, in milliseconds since the Unix epoch.
fn at_ms(event: &EngineEvent) -> i64 {
    match event.time_nano {
        0 => event.time.saturating_mul(1_000),
        nanoseconds => nanoseconds / NS_PER_MS,
    }
}

fn number(attributes: &BTreeMap<String, String>, name: &str) -> Option<i64> {
    attributes.get(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(action: &str, attributes: &[(&str, &str)], expected: Option<What>) {
        let json = serde_json::json!({
            "Type": "container", "Action": action, "time": 1, "timeNano": 1_500_000_000_i64,
            "Actor": { "ID": "c1", "Attributes": attributes.iter().copied().collect::<BTreeMap<_, _>>() },
        });
        let found = entry(&serde_json::from_value(json).unwrap());
        assert_eq!(found.clone().map(|entry| entry.what), expected, "{action}");
        assert!(found.is_none_or(|entry| entry.at_ms == 1_500 && entry.container == "c1"));
    }

    #[test]
    fn entry_of_each_event_is_what_happened() {
        check("start", &[], Some(What::Started));
        let exited = What::Exited { code: 3, oom: false };
        check("die", &[("exitCode", "3"), ("secret.label", "x")], Some(exited));
        let signal = What::Signal {
            signal: 15,
            by: By::Caller,
        };
        check("kill", &[("signal", "15")], Some(signal));
        check("kill", &[("signal", "9")], Some(What::Killed { by: By::Caller }));
        check("kill", &[("signal", "x")], None);
        check("oom", &[], Some(What::OutOfMemory { limit_bytes: 0 }));
        check("stop", &[], Some(What::Stopped));
        check("destroy", &[], Some(What::Removed));
        check("exec_die", &[("exitCode", "3")], None);
        check("health_status: healthy", &[], None);
    }

    #[test]
    fn entry_has_names_and_no_labels() {
        let json = serde_json::json!({
            "Type": "container", "Action": "start", "timeNano": 1,
            "Actor": { "ID": "c1", "Attributes": { "name": "web", "image": "nginx", "token": "s3cret" } },
        });
        let entry = entry(&serde_json::from_value(json).unwrap()).unwrap();
        assert_eq!((entry.name.as_str(), entry.image.as_str()), ("web", "nginx"));
        assert!(!String::from_utf8(entry.to_line()).unwrap().contains("s3cret"));
    }

    #[test]
    fn filters_name_each_event_that_is_kept() {
        let filters: BTreeMap<String, Vec<String>> = serde_json::from_str(FILTERS).unwrap();
        for action in &filters["event"] {
            let json = serde_json::json!({
                "Type": "container", "Action": action,
                "Actor": { "ID": "c1", "Attributes": { "signal": "2" } },
            });
            assert!(
                entry(&serde_json::from_value(json).unwrap()).is_some(),
                "{action}"
            );
        }
    }
}
