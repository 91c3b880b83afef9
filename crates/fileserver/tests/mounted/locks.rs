//! Locks between programs in the guest and on the host.

use std::{
    fs::{self, File},
    process::Command,
    sync::mpsc,
    thread,
};

use rustix::{
    fs::{FlockOperation, fcntl_lock},
    io::Errno,
};

use crate::guest::{Guest, until, writable};

fn open(path: std::path::PathBuf) -> File {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .unwrap()
}

#[test]
fn flock_of_the_guest_is_seen_on_the_host_and_back() {
    let guest = Guest::new();
    let (inside, outside) = (open(guest.point.join("l")), open(guest.host.join("l")));
    inside.lock().unwrap();
    assert!(matches!(outside.try_lock(), Err(fs::TryLockError::WouldBlock)));
    inside.unlock().unwrap();
    outside.try_lock().unwrap();
    assert!(matches!(inside.try_lock(), Err(fs::TryLockError::WouldBlock)));
}

#[test]
fn flock_ends_with_its_file() {
    let guest = Guest::new();
    let outside = open(guest.host.join("l"));
    let inside = open(guest.point.join("l"));
    inside.lock().unwrap();
    drop(inside);
    // The release comes after the close has returned.
    until("the lock is free", || outside.try_lock().is_ok());
}

#[test]
fn fcntl_lock_of_the_guest_is_seen_on_the_host_and_ends_with_any_close() {
    let guest = Guest::new();
    let (inside, outside) = (open(guest.point.join("l")), open(guest.host.join("l")));
    fcntl_lock(&inside, FlockOperation::NonBlockingLockExclusive).unwrap();
    let tried = || fcntl_lock(&outside, FlockOperation::NonBlockingLockShared);
    assert_eq!(tried(), Err(Errno::AGAIN));
    drop(open(guest.point.join("l")));
    until("the lock is free", || tried().is_ok());
}

#[test]
fn waiting_for_a_lock_keeps_nobody_else_waiting() {
    let guest = Guest::with(fileserver::ShareOptions {
        requests_at_once: 1,
        ..writable()
    });
    let (inside, outside) = (open(guest.point.join("l")), open(guest.host.join("l")));
    outside.lock().unwrap();
    let (locked, is_locked) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            inside.lock().unwrap();
            locked.send(()).unwrap();
            inside
        });
        for round in 0..20 {
            fs::write(guest.point.join(format!("f{round}")), "x").unwrap();
        }
        assert_eq!(is_locked.try_recv(), Err(mpsc::TryRecvError::Empty));
        outside.unlock().unwrap();
        is_locked.recv().unwrap();
    });
}

#[test]
fn waiting_for_a_lock_ends_with_a_signal() {
    let guest = Guest::new();
    let outside = open(guest.host.join("l"));
    outside.lock().unwrap();
    let mut waiting = Command::new("flock")
        .arg(guest.point.join("l"))
        .arg("true")
        .spawn()
        .unwrap();
    let stat = format!("/proc/{}/wchan", waiting.id());
    until("it waits in the kernel's FUSE", || {
        fs::read_to_string(&stat).is_ok_and(|wchan| wchan.contains("fuse") || wchan.contains("request_wait"))
    });
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    // Whoever waited is gone for good: the lock, once free, stays free.
    outside.unlock().unwrap();
    until("the lock is free", || {
        open(guest.point.join("l")).try_lock().is_ok()
    });
}
