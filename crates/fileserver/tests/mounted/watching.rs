//! Changes on the host, seen in a guest that may cache for an hour.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::SystemTime};

use fileserver::{CacheTimes, ShareOptions, Watch};

use crate::guest::{Guest, until, writable};

fn caching() -> ShareOptions {
    ShareOptions {
        cache: CacheTimes::WATCHED,
        ..writable()
    }
}

/// What changed a moment ago is cached for a second only; waits until that is over.
fn until_settled(path: &Path) {
    let changed = fs::metadata(path).unwrap().ctime();
    until("the file is old enough to be cached", || {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        now as i64 > changed + 4
    });
}

/// A share with `file`, which the guest has cached, as it has that there is no `absent`.
fn settled(guest: &Guest) {
    until_settled(&guest.host.join("file"));
    until_settled(&guest.host);
    assert_eq!(fs::read_to_string(guest.point.join("file")).unwrap(), "old");
    // The read made the kernel doubt the time of the last read.
    assert_eq!(fs::metadata(guest.point.join("file")).unwrap().len(), 3);
    assert!(!guest.point.join("absent").exists());
}

#[test]
fn host_changes_are_seen_through_a_watch() {
    let guest = Guest::prepared(writable(), |folder| {
        fs::write(folder.join("file"), "old").unwrap();
        fs::create_dir(folder.join("d")).unwrap();
        fs::write(folder.join("d/gone"), "x").unwrap();
    });
    let _watch = Watch::start(guest.server(), &guest.host).unwrap();
    settled(&guest);
    assert!(guest.point.join("d/gone").exists());
    fs::write(guest.host.join("file"), "newer").unwrap();
    until("the edit is seen", || {
        fs::read_to_string(guest.point.join("file")).unwrap() == "newer"
    });
    fs::write(guest.host.join("absent"), "here").unwrap();
    until("the new file is seen", || guest.point.join("absent").exists());
    fs::remove_file(guest.host.join("d/gone")).unwrap();
    until("the file is gone", || !guest.point.join("d/gone").exists());
    fs::write(guest.host.join("other"), "replaced").unwrap();
    fs::rename(guest.host.join("other"), guest.host.join("file")).unwrap();
    until("the replacement is seen", || {
        fs::read_to_string(guest.point.join("file")).unwrap() == "replaced"
    });
    fs::create_dir_all(guest.host.join("new/deep")).unwrap();
    fs::write(guest.host.join("new/deep/file"), "x").unwrap();
    until("the new folder is seen", || {
        guest.point.join("new/deep/file").exists()
    });
}

#[test]
fn overflow_everything_is_taken_back() {
    let guest = Guest::prepared(caching(), |folder| fs::write(folder.join("file"), "old").unwrap());
    settled(&guest);
    fs::write(guest.host.join("file"), "newer").unwrap();
    fs::write(guest.host.join("absent"), "here").unwrap();
    // Nobody told the guest, so it cannot know: this is what makes the rest of the test mean something.
    assert_eq!(fs::metadata(guest.point.join("file")).unwrap().len(), 3);
    assert!(!guest.point.join("absent").exists());
    guest.server().note_any_change();
    until("the edit is seen", || {
        fs::read_to_string(guest.point.join("file")).unwrap() == "newer"
    });
    until("the new file is seen", || guest.point.join("absent").exists());
}

#[test]
fn unchanged_folder_keeps_what_is_mounted_on_it() {
    let guest = Guest::prepared(caching(), |folder| {
        fs::create_dir(folder.join("node_modules")).unwrap()
    });
    until_settled(&guest.host);
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", guest.point.join("node_modules"), "tmpfs", flags, None).unwrap();
    fs::write(guest.point.join("node_modules/volume"), "x").unwrap();
    fs::write(guest.host.join("beside"), "x").unwrap();
    fs::write(guest.host.join("node_modules/below"), "x").unwrap();
    let names = |text: &str| fileserver::path_names(Path::new(text)).unwrap();
    guest.server().note_change(names("node_modules"));
    guest.server().note_change(names("node_modules/below"));
    guest.server().note_any_change();
    until("the file beside it is seen", || {
        guest.point.join("beside").exists()
    });
    assert_eq!(fs::read(guest.point.join("node_modules/volume")).unwrap(), b"x");
    rustix::mount::unmount(
        guest.point.join("node_modules"),
        rustix::mount::UnmountFlags::empty(),
    )
    .unwrap();
}
