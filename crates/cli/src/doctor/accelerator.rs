//! The accelerator: the host agent's word, else what the driver remembers of its last trials.

use std::fs;

use serde::Deserialize;

use super::{Check, Surroundings};

const NAME: &str = "accelerator";
const HINT: &str =
    "containers run, slowly; turn on virtualisation in the firmware or in the outer VM's settings";

/// Where the QEMU driver keeps its trials, below the cache folder.
const CACHE_FILE: &str = "qemu-accelerators.json";

/// The parts of that file that matter here.
#[derive(Deserialize)]
struct Cache {
    boot_id: String,
    programs: Vec<Program>,
}

#[derive(Deserialize)]
struct Program {
    trials: Vec<Trial>,
}

/// Whether a guest ran with an accelerator.
#[derive(Deserialize)]
struct Trial {
    accelerator: String,
    failure: Option<String>,
}

/// Never tries an accelerator itself: only a guest that runs proves one, and the next start does that.
pub fn check(around: &Surroundings) -> Check {
    let bytes = fs::read(around.folders.cache.join(CACHE_FILE)).unwrap_or_default();
    let trials = trials(&bytes, &platform::boot_id());
    match &around.status {
        Some(status) if status.machine.accelerator.is_some() => judge(
            status.machine.accelerator.as_deref().unwrap_or_default(),
            status.machine.accelerator_note.as_deref(),
            &trials,
        ),
        _ => remembered(&trials).unwrap_or_else(|| Check::ok(NAME, "not known yet, the next start tries it")),
    }
}

fn judge(accelerator: &str, note: Option<&str>, trials: &[Trial]) -> Check {
    match (accelerator, note) {
        ("tcg", note) => {
            let note = note.unwrap_or("plain emulation");
            Check::warn(NAME, format!("tcg: {note}{}", failures(trials)), HINT)
        }
        // Without a VM there is nothing to speed up.
        (_, Some(note)) => Check::ok(NAME, format!("{accelerator}: {note}")),
        (_, None) => Check::ok(NAME, accelerator),
    }
}

/// The trials since this boot of the host.
fn trials(bytes: &[u8], boot_id: &str) -> Vec<Trial> {
    match serde_json::from_slice::<Cache>(bytes) {
        Ok(cache) if cache.boot_id == boot_id => cache
            .programs
            .into_iter()
            .flat_map(|program| program.trials)
            .collect(),
        _ => Vec::new(),
    }
}

/// What the trials say; `None` when there were none.
fn remembered(trials: &[Trial]) -> Option<Check> {
    let good = trials
        .iter()
        .find(|trial| trial.failure.is_none() && trial.accelerator != "tcg");
    if let Some(good) = good {
        return Some(Check::ok(
            NAME,
            format!("{}, as of the last start", good.accelerator),
        ));
    }
    let detail = format!("tcg, plain emulation, as of the last start{}", failures(trials));
    (!trials.is_empty()).then(|| Check::warn(NAME, detail, HINT))
}

/// What each failed trial said, word for word: the one place where people who look for the cause find it.
fn failures(trials: &[Trial]) -> String {
    trials
        .iter()
        .filter_map(|trial| {
            Some(format!(
                "; {} said: {}",
                trial.accelerator,
                trial.failure.as_ref()?
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn remembered_trials_count_until_the_host_boots_again() {
        let text = |failure: &str| {
            format!(
                r#"{{"boot_id":"b","programs":[{{"key":{{"path":"/q"}},"facts":null,
                    "trials":[{{"accelerator":"kvm","failure":{failure}}}]}}]}}"#
            )
        };
        let check = |bytes: &[u8], boot_id| remembered(&trials(bytes, boot_id));
        let good = check(text("null").as_bytes(), "b").unwrap();
        assert_eq!(
            (good.verdict, good.detail.as_str()),
            (Verdict::Ok, "kvm, as of the last start")
        );
        let bad = check(text("\"it hangs\"").as_bytes(), "b").unwrap();
        assert_eq!(bad.verdict, Verdict::Warn);
        assert!(bad.detail.ends_with("; kvm said: it hangs"), "{}", bad.detail);
        assert_eq!(check(text("null").as_bytes(), "another"), None);
        assert_eq!(check(b"{}", "b"), None);
        assert_eq!(check(b"\xff", "b"), None);
    }

    #[test]
    fn judge_emulation_is_a_warning_with_the_raw_reason() {
        assert_eq!(judge("kvm", None, &[]).verdict, Verdict::Ok);
        assert_eq!(judge("tcg", None, &[]).verdict, Verdict::Warn);
        assert_eq!(judge("none", Some("no VM"), &[]).verdict, Verdict::Ok);
        let trial = Trial {
            accelerator: "kvm".to_owned(),
            failure: Some("Assertion".to_owned()),
        };
        assert_eq!(
            judge("tcg", Some("kvm is bad"), &[trial]).detail,
            "tcg: kvm is bad; kvm said: Assertion"
        );
    }
}
