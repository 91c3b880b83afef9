//! The journal on a disk: bounds, restarts, damage.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::{journal::entry::MAX_LINE_BYTES, lease::LeaseRecord};

pub(super) fn entry(at_ms: i64, container: &str, what: What) -> Entry {
    Entry {
        at_ms,
        container: container.to_owned(),
        name: if container.is_empty() {
            String::new()
        } else {
            "web".to_owned()
        },
        image: String::new(),
        what,
    }
}

#[tokio::test]
async fn entries_survive_a_restart_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let written: Vec<Entry> = vec![
        entry(1, "c1", What::Started),
        entry(2, "c1", What::Exited { code: 3, oom: false }),
        entry(
            3,
            "",
            What::MachineCrashed {
                reason: "x".to_owned(),
            },
        ),
        entry(
            4,
            "c1",
            What::Lease {
                record: LeaseRecord::Interrupted {
                    container: "c1".to_owned(),
                    press: 1,
                },
            },
        ),
    ];
    let journal = Journal::open(folder.path());
    for entry in &written {
        journal.record(entry.clone());
    }
    assert_eq!(journal.entries().await, written);
    drop(journal);
    let again = Journal::open(folder.path());
    again.record(written[0].clone());
    assert_eq!(again.entries().await.len(), 5);
}

#[tokio::test]
async fn torn_last_line_is_skipped_and_the_next_entry_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let journal = Journal::open(folder.path());
    journal.record(entry(1, "c1", What::Started));
    journal.flush().await;
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"at_ms\":2,\"what\":\"sta");
    fs::write(&path, bytes).unwrap();
    let again = Journal::open(folder.path());
    assert_eq!(again.entries().await.len(), 1);
    again.record(entry(3, "c1", What::Removed));
    let entries = again.entries().await;
    assert_eq!(
        entries.iter().map(|entry| entry.at_ms).collect::<Vec<_>>(),
        [1, 3]
    );
}

#[tokio::test]
async fn journal_without_its_folder_drops_entries_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let journal = Journal::open(&state);
    journal.record(entry(1, "c1", What::Started));
    assert_eq!(journal.entries().await, []);
    fs::create_dir(&state).unwrap();
    journal.record(entry(2, "c1", What::Started));
    assert_eq!(journal.entries().await.len(), 1);
}

#[test]
fn files_stay_below_their_limit_and_keep_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::with_limit(folder.path(), 10_000);
    for number in 0..500 {
        files
            .append(&entry(number, "c1", What::Started).to_line())
            .unwrap();
    }
    let mut lines = Vec::new();
    for number in 500..1_000 {
        lines.extend(entry(number, "c1", What::Started).to_line());
    }
    files.append(&lines).unwrap();
    let sizes: Vec<u64> = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .collect();
    assert!(
        sizes.len() == 2 && sizes.iter().all(|size| *size <= 10_000),
        "{sizes:?}"
    );
    let kept: Vec<i64> = files.read().iter().map(|entry| entry.at_ms).collect();
    assert_eq!(kept, ((1_000 - kept.len() as i64)..1_000).collect::<Vec<_>>());
    assert!(kept.len() > 100, "{}", kept.len());
}

#[test]
fn unknown_kinds_and_garbage_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = b"{\"at_ms\":1,\"what\":\"of_the_future\",\"x\":1}\n\xff\xfe\n\n{\"at_ms\":2,\"container\":\"c1\",\"what\":\"paused\",\"new\":[]}\n";
    fs::write(folder.path().join("journal.jsonl"), garbage).unwrap();
    assert_eq!(Files::in_folder(folder.path()).read().len(), 1);
}

proptest! {
    #[test]
    fn line_of_any_entry_is_one_short_line(
        name in any::<String>(), image in "\\PC{0,9000}", reason in "[\"\\\\\u{1}-\u{9}ß]{0,9000}",
    ) {
        use engine_proxy::guard::{Action, Evidence, Rule};
        let program = reason.clone();
        for what in [
            What::MachineCrashed { reason: reason.clone() },
            What::Guard {
                rule: Rule::K,
                action: Action::Failed(reason),
                evidence: vec![Evidence::KeyHasNoEffect { program }],
                client_pid: None,
            },
        ] {
            let entry = Entry { at_ms: 1, container: name.clone(), name: name.clone(), image: image.clone(), what };
            let line = entry.to_line();
            prop_assert!(!line.is_empty() && line.len() <= MAX_LINE_BYTES, "{}", line.len());
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            prop_assert!(Entry::from_line(&line).is_some());
        }
    }
}
