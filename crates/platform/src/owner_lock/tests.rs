//! One owner, whatever happens.

use std::{io::Read, sync::Barrier, thread};

use super::*;
use crate::test_program;

#[test]
fn try_acquire_fifty_at_once_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("owner.lock");
    for _round in 0..20 {
        let start = Barrier::new(50);
        let locks: Vec<_> = thread::scope(|scope| {
            let racers: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        OwnerLock::try_acquire(&path).unwrap()
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert_eq!(locks.iter().flatten().count(), 1);
    }
}

#[test]
fn try_acquire_after_drop_succeeds_and_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("owner.lock");
    let lock = OwnerLock::try_acquire(&path).unwrap().unwrap();
    assert_eq!(OwnerLock::holder(&path).unwrap(), process::id().to_string());
    assert!(OwnerLock::try_acquire(&path).unwrap().is_none());
    drop(lock);
    assert!(path.exists());
    assert!(OwnerLock::try_acquire(&path).unwrap().is_some());
}

#[test]
fn try_acquire_file_with_somebody_elses_pid_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("owner.lock");
    // A live process, but not one that holds the lock.
    fs::write(&path, "1\n").unwrap();
    assert!(OwnerLock::try_acquire(&path).unwrap().is_some());
    assert_eq!(OwnerLock::holder(&path).unwrap(), process::id().to_string());
}

#[test]
fn try_acquire_after_holder_was_killed_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("owner.lock");
    let command = test_program::command("owner_lock::tests::holder", path.to_str().unwrap());
    let (mut holder, _output, _) = test_program::start_until(command, "held");
    assert!(OwnerLock::try_acquire(&path).unwrap().is_none());
    assert_eq!(OwnerLock::holder(&path).unwrap(), holder.id().to_string());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(OwnerLock::try_acquire(&path).unwrap().is_some());
}

#[test]
#[ignore = "a part of try_acquire_after_holder_was_killed_succeeds"]
fn holder() {
    let Some(path) = test_program::argument() else {
        return;
    };
    let _lock = OwnerLock::try_acquire(Path::new(&path)).unwrap().unwrap();
    println!("held");
    // Until killed: nobody writes here.
    let _ = io::stdin().read(&mut [0]);
}

#[test]
fn try_acquire_in_missing_folder_names_the_file() {
    let error = OwnerLock::try_acquire(Path::new("/no/such/folder/owner.lock")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to open the lock file /no/such/folder/owner.lock"
    );
}

#[cfg(unix)]
#[test]
fn try_acquire_symbolic_link_is_refused_and_its_target_kept() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("precious");
    fs::write(&target, "content").unwrap();
    let path = folder.path().join("owner.lock");
    std::os::unix::fs::symlink(&target, &path).unwrap();
    OwnerLock::try_acquire(&path).unwrap_err();
    assert_eq!(fs::read_to_string(&target).unwrap(), "content");
}
