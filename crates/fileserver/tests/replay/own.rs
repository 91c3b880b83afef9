//! The guest's own changes, which the host's watch reports too.

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::fs::inotify::ReadFlags as Flags;

use crate::{Replayed, watcher::Watcher};

/// What programs do.
fn work(folder: &Path) {
    fs::write(folder.join("a"), "one").unwrap();
    let mut file = File::options().append(true).open(folder.join("a")).unwrap();
    for _ in 0..20 {
        file.write_all(b" more").unwrap();
    }
    drop(file);
    fs::set_permissions(folder.join("a"), Permissions::from_mode(0o600)).unwrap();
    fs::rename(folder.join("a"), folder.join("b")).unwrap();
    fs::write(folder.join("b"), "cut and written").unwrap();
    fs::hard_link(folder.join("b"), folder.join("other")).unwrap();
    std::os::unix::fs::symlink("b", folder.join("link")).unwrap();
    fs::create_dir(folder.join("d")).unwrap();
    fs::rename(folder.join("b"), folder.join("d/b")).unwrap();
    fs::remove_file(folder.join("d/b")).unwrap();
    fs::remove_dir(folder.join("d")).unwrap();
    for index in 0..50 {
        let path = folder.join(format!("temporary {index}"));
        fs::write(&path, "x").unwrap();
        fs::remove_file(path).unwrap();
    }
}

/// Events without what only a name's folder matters for.
fn heard(watcher: &Watcher) -> Vec<(Flags, String)> {
    let events = watcher.heard.iter().filter(|event| event.name != "end");
    events.map(|event| (event.what, event.name.clone())).collect()
}

#[test]
fn own_changes_are_heard_once_as_on_any_file_system() {
    let native = tempfile::tempdir().unwrap();
    let mut expected = Watcher::new(&[native.path()]);
    work(native.path());
    expected.listen();

    let replayed = Replayed::prepared(|_| {});
    let (host, point) = (&replayed.guest.host, &replayed.guest.point);
    let mut watcher = Watcher::new(&[point]);
    work(point);
    // The host's own change comes after all echoes.
    fs::write(host.join("end"), "x").unwrap();
    watcher.heard = watcher.expect(&[(0, Flags::CREATE, "end"), (0, Flags::CLOSE_WRITE, "end")]);
    assert_eq!(heard(&watcher), heard(&expected));
}
