//! What happens to a share's folder while it is in use.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::symlink,
};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::guest::{Guest, writable};

#[test]
fn folder_renamed_and_replaced_by_a_link_share_stays_where_it_was() {
    let guest = Guest::new();
    fs::write(guest.point.join("before"), "x").unwrap();
    let (moved, elsewhere) = (
        guest.host.with_file_name("moved"),
        guest.host.with_file_name("elsewhere"),
    );
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("canary"), "outside").unwrap();
    fs::rename(&guest.host, &moved).unwrap();
    symlink(&elsewhere, &guest.host).unwrap();
    fs::write(guest.point.join("after"), "y").unwrap();
    assert_eq!(fs::read(moved.join("after")).unwrap(), b"y");
    assert!(!guest.point.join("canary").exists() && !elsewhere.join("after").exists());
}

#[test]
fn folder_deleted_everything_fails_and_nothing_hangs() {
    let guest = Guest::new();
    fs::create_dir(guest.point.join("d")).unwrap();
    let mut open = File::create(guest.point.join("d/f")).unwrap();
    fs::remove_dir_all(&guest.host).unwrap();
    open.write_all(b"still open").unwrap();
    assert_eq!(
        fs::write(guest.point.join("d/g"), "").unwrap_err().raw_os_error(),
        Some(libc::ENOENT)
    );
    assert_eq!(
        fs::write(guest.point.join("h"), "").unwrap_err().raw_os_error(),
        Some(libc::ENOENT)
    );
    assert_eq!(fs::read_dir(&guest.point).unwrap().count(), 0);
    // Another folder in its place is another folder.
    fs::create_dir(&guest.host).unwrap();
    fs::write(guest.host.join("canary"), "another folder").unwrap();
    assert!(!guest.point.join("canary").exists());
    assert_eq!(
        fs::write(guest.point.join("h"), "").unwrap_err().raw_os_error(),
        Some(libc::ENOENT)
    );
    assert_eq!(fs::read_dir(&guest.point).unwrap().count(), 0);
}

#[test]
fn folder_unmounted_share_stays_what_it_was_and_never_what_is_below() {
    let guest = Guest::prepared(writable(), |folder| {
        fs::write(folder.join("canary"), "below").unwrap();
        mount("tmpfs", folder, "tmpfs", MountFlags::empty(), None).unwrap();
    });
    fs::write(guest.point.join("before"), "x").unwrap();
    unmount(&guest.host, UnmountFlags::DETACH).unwrap();
    fs::write(guest.point.join("after"), "y").unwrap();
    assert_eq!(fs::read(guest.point.join("before")).unwrap(), b"x");
    assert!(!guest.point.join("canary").exists() && !guest.host.join("after").exists());
}

#[test]
fn disk_full_is_said_and_what_was_written_is_counted() {
    let guest = Guest::prepared(writable(), |folder| {
        mount("tmpfs", folder, "tmpfs", MountFlags::empty(), Some(c"size=1m")).unwrap();
    });
    let mut file = File::create(guest.point.join("large")).unwrap();
    let error = file.write_all(&vec![7; 4 << 20]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
    let written = file.metadata().unwrap().len();
    assert!(written > 0 && written <= 1 << 20, "{written}");
    let space = rustix::fs::statvfs(&guest.point).unwrap();
    assert_eq!((space.f_bavail, space.f_blocks * space.f_frsize), (0, 1 << 20));
}

#[test]
fn read_only_share_refuses_every_change() {
    let options = fileserver::ShareOptions::default();
    let guest = Guest::prepared(options, |folder| fs::write(folder.join("f"), "x").unwrap());
    let at = |name: &str| guest.point.join(name);
    assert_eq!(fs::read(at("f")).unwrap(), b"x");
    let refused =
        |result: std::io::Result<()>| assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EROFS));
    refused(fs::write(at("new"), ""));
    refused(fs::write(at("f"), "y"));
    refused(fs::create_dir(at("d")));
    refused(fs::remove_file(at("f")));
    refused(fs::rename(at("f"), at("g")));
    refused(symlink("f", at("l")));
    refused(fs::hard_link(at("f"), at("h")));
    refused(std::os::unix::fs::chown(at("f"), Some(1), None));
    assert_eq!(fs::read(guest.host.join("f")).unwrap(), b"x");
}
