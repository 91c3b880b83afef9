//! One change after the other.

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
};

use rustix::fs::inotify::ReadFlags as Flags;

use crate::{Replayed, guest::until, message, snapshot, watcher::Watcher};

const FOLDER: Flags = Flags::ISDIR;

#[test]
fn host_changes_are_heard_as_what_they_are() {
    let replayed = Replayed::prepared(|folder| fs::create_dir(folder.join("d")).unwrap());
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    let mut watcher = Watcher::new(&[point, &point.join("d")]);

    fs::write(host.join("a"), "one").unwrap();
    watcher.expect(&[
        (0, Flags::CREATE, "a"),
        (0, Flags::MODIFY, "a"),
        (0, Flags::CLOSE_WRITE, "a"),
    ]);
    assert_eq!(fs::read_to_string(point.join("a")).unwrap(), "one");

    let mut file = File::options().append(true).open(host.join("a")).unwrap();
    file.write_all(b" two").unwrap();
    // Not closed on the host: a log.
    watcher.expect(&[(0, Flags::MODIFY, "a"), (0, Flags::CLOSE_WRITE, "a")]);
    drop(file);
    assert_eq!(fs::read_to_string(point.join("a")).unwrap(), "one two");

    fs::set_permissions(host.join("a"), Permissions::from_mode(0o700)).unwrap();
    watcher.expect(&[(0, Flags::ATTRIB, "a")]);

    fs::rename(host.join("a"), host.join("b")).unwrap();
    let heard = watcher.expect(&[(0, Flags::MOVED_FROM, "a"), (0, Flags::MOVED_TO, "b")]);
    let moved: Vec<u32> = heard
        .iter()
        .map(|event| event.cookie)
        .filter(|cookie| *cookie != 0)
        .collect();
    assert!(moved.len() == 2 && moved[0] == moved[1], "{heard:?}");

    fs::rename(host.join("b"), host.join("d/c")).unwrap();
    let heard = watcher.expect(&[(0, Flags::MOVED_FROM, "b"), (1, Flags::MOVED_TO, "c")]);
    let moved: Vec<u32> = heard
        .iter()
        .map(|event| event.cookie)
        .filter(|cookie| *cookie != 0)
        .collect();
    assert!(moved.len() == 2 && moved[0] == moved[1], "{heard:?}");
    assert_eq!(fs::read_to_string(point.join("d/c")).unwrap(), "one two");

    fs::remove_file(host.join("d/c")).unwrap();
    watcher.expect(&[(1, Flags::DELETE, "c")]);
    assert!(!point.join("d/c").exists());

    fs::create_dir(host.join("s")).unwrap();
    watcher.expect(&[(0, Flags::CREATE | FOLDER, "s")]);
    fs::rename(host.join("s"), host.join("t")).unwrap();
    watcher.expect(&[
        (0, Flags::MOVED_FROM | FOLDER, "s"),
        (0, Flags::MOVED_TO | FOLDER, "t"),
    ]);
    fs::write(point.join("t/inside"), "x").unwrap();
    fs::remove_file(point.join("t/inside")).unwrap();
    fs::remove_dir(host.join("t")).unwrap();
    watcher.expect(&[(0, Flags::DELETE | FOLDER, "t")]);
    std::os::unix::fs::symlink("d", host.join("link")).unwrap();
    watcher.expect(&[(0, Flags::CREATE, "link")]);
    assert_eq!(fs::read_link(point.join("link")).unwrap().to_str(), Some("d"));
    assert_eq!(replayed.guest.server().lost_replays(), 0);
}

#[test]
fn moved_out_and_in_are_heard_as_removed_and_created() {
    let replayed = Replayed::prepared(|folder| fs::write(folder.join("a"), "x").unwrap());
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    assert!(point.join("a").exists());
    let mut watcher = Watcher::new(&[point]);
    let outside = tempfile::tempdir_in(host.parent().unwrap()).unwrap();
    fs::rename(host.join("a"), outside.path().join("a")).unwrap();
    watcher.expect(&[(0, Flags::DELETE, "a")]);
    fs::rename(outside.path().join("a"), host.join("b")).unwrap();
    watcher.expect(&[(0, Flags::CREATE, "b")]);
    assert_eq!(fs::read_to_string(point.join("b")).unwrap(), "x");
}

#[test]
fn watched_file_hears_of_its_own_changes_and_its_end() {
    let replayed = Replayed::prepared(|folder| {
        fs::write(folder.join("a"), "x").unwrap();
        fs::write(folder.join("b"), "y").unwrap();
    });
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    let mut watcher = Watcher::new(&[&point.join("a"), &point.join("b")]);
    fs::write(host.join("a"), "xx").unwrap();
    watcher.expect(&[(0, Flags::MODIFY, "")]);
    fs::rename(host.join("a"), host.join("c")).unwrap();
    watcher.expect(&[(0, Flags::MOVE_SELF, "")]);
    fs::remove_file(host.join("c")).unwrap();
    watcher.expect(&[(0, Flags::DELETE_SELF, "")]);
    // An editor saves.
    fs::write(host.join("temporary"), "new").unwrap();
    fs::rename(host.join("temporary"), host.join("b")).unwrap();
    watcher.expect(&[(1, Flags::DELETE_SELF, "")]);
    assert_eq!(fs::read_to_string(point.join("b")).unwrap(), "new");
}

#[test]
fn editors_save_is_heard_as_moved_to() {
    let replayed = Replayed::prepared(|folder| fs::write(folder.join("file"), "old").unwrap());
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    assert_eq!(fs::read_to_string(point.join("file")).unwrap(), "old");
    let mut watcher = Watcher::new(&[point]);
    for content in ["first", "second", "third"] {
        fs::write(host.join(".file.swp"), content).unwrap();
        fs::rename(host.join(".file.swp"), host.join("file")).unwrap();
        watcher.expect(&[
            (0, Flags::CREATE, ".file.swp"),
            (0, Flags::MOVED_FROM, ".file.swp"),
            (0, Flags::MOVED_TO, "file"),
        ]);
        assert_eq!(fs::read_to_string(point.join("file")).unwrap(), content);
    }
    assert_eq!(replayed.guest.server().lost_replays(), 0);
}

#[test]
fn folder_that_was_renamed_is_watched_as_before() {
    let replayed = Replayed::prepared(|folder| {
        fs::create_dir_all(folder.join("old/deep")).unwrap();
    });
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    let mut watcher = Watcher::new(&[point, &point.join("old"), &point.join("old/deep")]);
    fs::rename(host.join("old"), host.join("new")).unwrap();
    watcher.expect(&[
        (0, Flags::MOVED_FROM | FOLDER, "old"),
        (0, Flags::MOVED_TO | FOLDER, "new"),
    ]);
    // The host's watch follows a folder that moved a moment later; what comes before is not heard of by anybody.
    let mut number = 0;
    until("a new file in the folder is heard of", || {
        number += 1;
        fs::write(host.join(format!("new/{number}")), "x").unwrap();
        watcher.listen();
        let is_heard = |event: &crate::watcher::Event| event.watch == 1 && event.what == Flags::CREATE;
        watcher.heard.iter().any(is_heard)
    });
    fs::write(point.join("new/by the guest"), "x").unwrap();
    assert!(host.join("new/by the guest").exists());
}

#[test]
fn replays_change_nothing_on_the_host() {
    let replayed = Replayed::prepared(|folder| {
        fs::create_dir(folder.join("d")).unwrap();
        for name in ["kept", "edited", "gone", "d/moved"] {
            fs::write(folder.join(name), name).unwrap();
        }
    });
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    let mut watcher = Watcher::new(&[point, &point.join("d")]);
    fs::write(host.join("edited"), "on the host").unwrap();
    fs::set_permissions(host.join("kept"), Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(host.join("gone")).unwrap();
    fs::rename(host.join("d/moved"), host.join("moved")).unwrap();
    fs::create_dir(host.join("made")).unwrap();
    fs::write(host.join("last"), "x").unwrap();
    let before = snapshot(host);
    watcher.expect(&[
        (0, Flags::MODIFY, "edited"),
        (0, Flags::ATTRIB, "kept"),
        (0, Flags::DELETE, "gone"),
        (1, Flags::MOVED_FROM, "moved"),
        (0, Flags::MOVED_TO, "moved"),
        (0, Flags::CREATE | FOLDER, "made"),
        (0, Flags::CREATE, "last"),
        (0, Flags::CLOSE_WRITE, "last"),
    ]);
    assert_eq!(snapshot(host), before);
    // Nor do the guest's files differ from the host's.
    let relative = |folder: &std::path::Path| {
        let found = snapshot(folder).into_keys();
        found
            .map(|path| path.strip_prefix(folder).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(relative(point), relative(host));
    assert_eq!(fs::metadata(point.join("edited")).unwrap().len(), 11);
}

#[test]
fn replayer_thread_can_change_nothing() {
    let replayed = Replayed::prepared(|folder| fs::write(folder.join("file"), "x").unwrap());
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    assert_eq!(fs::read_to_string(point.join("file")).unwrap(), "x");
    let before = snapshot(host);
    // From now on this thread is the replayer, and nothing is to be replayed.
    let me = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
    replayed.guest.wire.send(&message(0x5001, 0, me, &[])).unwrap();
    until("the server has heard it", || {
        let made = fs::create_dir(point.join("probe"));
        let is_refused = made.is_err_and(|error| error.raw_os_error() == Some(libc::EPERM));
        let _ = fs::remove_dir(host.join("probe"));
        is_refused
    });
    let refused = |result: std::io::Result<()>| {
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EPERM));
    };
    refused(fs::write(point.join("file"), "y"));
    refused(fs::write(point.join("new"), "y"));
    refused(fs::remove_file(point.join("file")));
    refused(fs::rename(point.join("file"), point.join("other")));
    refused(fs::hard_link(point.join("file"), point.join("other")));
    refused(std::os::unix::fs::symlink("file", point.join("other")));
    refused(fs::set_permissions(
        point.join("file"),
        Permissions::from_mode(0o777),
    ));
    assert_eq!(fs::metadata(point.join("file")).unwrap().len(), 1);
    assert_eq!(snapshot(host), before);
    // Another thread's requests are its own.
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(point.join("by the guest"), "x").unwrap());
    });
    assert_eq!(fs::read_to_string(host.join("by the guest")).unwrap(), "x");
}
