//! Many changes at once.

use std::{collections::HashSet, fs, thread};

use rustix::fs::inotify::ReadFlags as Flags;

use crate::{Replayed, guest::until, snapshot, watcher::Watcher};

/// Three edits each, and every other is removed.
const FILES: usize = 2_900;

#[test]
fn ten_thousand_edits_are_all_heard_or_the_loss_is_told() {
    let replayed = Replayed::prepared(|folder| fs::create_dir(folder.join("d")).unwrap());
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    let mut watcher = Watcher::new(&[&point.join("d")]);
    let editing = host.clone();
    let editor = thread::spawn(move || {
        for index in 0..FILES {
            let path = editing.join(format!("d/{index}"));
            fs::write(&path, "first").unwrap();
            fs::write(&path, "second").unwrap();
            if index % 2 == 0 {
                fs::remove_file(&path).unwrap();
            }
        }
        fs::write(editing.join("d/end"), "x").unwrap();
    });
    editor.join().unwrap();
    let before = snapshot(host);
    let server = replayed.guest.server();
    let is_end = |event: &crate::watcher::Event| event.name == "end" && event.what == Flags::CLOSE_WRITE;
    until("all is heard, or lost", || {
        watcher.listen();
        watcher.heard.iter().any(is_end) || server.lost_replays() > 0
    });
    if server.lost_replays() == 0 {
        let heard = |what: Flags| -> HashSet<&str> {
            let events = watcher.heard.iter().filter(|event| event.what == what);
            events.map(|event| event.name.as_str()).collect()
        };
        let (created, modified, deleted) = (heard(Flags::CREATE), heard(Flags::MODIFY), heard(Flags::DELETE));
        for index in 0..FILES {
            let name = index.to_string();
            let name = name.as_str();
            assert!(created.contains(name), "{name} was created");
            if index % 2 == 0 {
                assert!(deleted.contains(name), "{name} was deleted");
            } else {
                assert!(modified.contains(name), "{name} was modified");
            }
        }
    }
    assert_eq!(snapshot(host), before);
    assert_eq!(fs::read_dir(point.join("d")).unwrap().count(), FILES / 2 + 1);
}
