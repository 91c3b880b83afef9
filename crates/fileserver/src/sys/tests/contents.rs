//! Bytes, sizes, times, permissions, attributes and locks.

use super::{Folder, READ_WRITE, name};
use crate::{
    Errno, FileLock, Kind, LockKind, LockSpace, OpenMode, Seek, Time, TimeChange, Volume, XattrMode,
};

#[test]
fn write_then_read_gives_the_same_and_the_end_is_the_end() {
    let folder = Folder::new();
    let (node, file) = folder.file("a", b"hello");
    assert_eq!(folder.volume.write(&file, 5, b" world"), Ok(6));
    assert_eq!(folder.bytes_of("a"), b"hello world");
    let mut buffer = [0; 4];
    assert_eq!(folder.volume.read(&file, 9, &mut buffer), Ok(2));
    assert_eq!(folder.volume.read(&file, 100, &mut buffer), Ok(0));
    let metadata = folder.volume.metadata(&node).unwrap();
    assert_eq!(
        (metadata.kind, metadata.size, metadata.links),
        (Kind::File, 11, 1)
    );
    assert_eq!(
        std::fs::read(folder.host.path().join("a")).unwrap(),
        b"hello world"
    );
}

#[test]
fn sync_file_that_was_written_is_no_error() {
    let folder = Folder::new();
    let (_node, file) = folder.file("a", b"x");
    folder.volume.sync(&file, true).unwrap();
    folder.volume.sync(&file, false).unwrap();
}

#[test]
fn write_appending_goes_to_the_end_whatever_the_offset() {
    let folder = Folder::new();
    let (node, _file) = folder.file("log", b"one");
    let mode = OpenMode {
        write: true,
        append: true,
        ..OpenMode::default()
    };
    let appending = folder.volume.open(&node, mode).unwrap();
    assert_eq!(folder.volume.write(&appending, 0, b" two"), Ok(4));
    assert_eq!(folder.bytes_of("log"), b"one two");
}

#[test]
fn open_truncating_empties_the_file() {
    let folder = Folder::new();
    let (node, file) = folder.file("a", b"old and long");
    let mode = OpenMode {
        truncate: true,
        ..READ_WRITE
    };
    let emptied = folder.volume.open(&node, mode).unwrap();
    assert_eq!(folder.volume.write(&emptied, 0, b"new"), Ok(3));
    assert_eq!(folder.bytes(&file), b"new");
}

#[test]
fn sync_file_open_for_reading_is_no_error() {
    let folder = Folder::new();
    let (node, _file) = folder.file("a", b"x");
    let mode = OpenMode {
        read: true,
        ..OpenMode::default()
    };
    let file = folder.volume.open(&node, mode).unwrap();
    folder.volume.sync(&file, false).unwrap();
    let listing = folder.volume.open_folder(&folder.root).unwrap();
    folder.volume.sync_folder(&listing).unwrap();
}

#[test]
fn set_size_cuts_and_lengthens_by_node_and_by_file() {
    let folder = Folder::new();
    let (node, file) = folder.file("a", b"hello");
    folder.volume.set_size(&node, None, 2).unwrap();
    folder.volume.set_size(&node, Some(&file), 4).unwrap();
    assert_eq!(folder.bytes(&file), b"he\0\0");
}

#[test]
fn allocate_grows_a_file_and_never_cuts_it() {
    let folder = Folder::new();
    let (node, file) = folder.file("a", b"hello");
    folder.volume.allocate(&file, 0, 0, 3).unwrap();
    assert_eq!(folder.bytes(&file), b"hello");
    folder.volume.allocate(&file, 0, 0, 5000).unwrap();
    assert_eq!(folder.volume.metadata(&node).unwrap().size, 5000);
}

#[test]
fn seek_data_and_hole_of_a_file_without_holes() {
    let folder = Folder::new();
    let (_node, file) = folder.file("a", &[7; 5000]);
    assert_eq!(folder.volume.seek(&file, Seek::Data(10)), Ok(10));
    assert_eq!(folder.volume.seek(&file, Seek::Hole(10)), Ok(5000));
    assert_eq!(folder.volume.seek(&file, Seek::Data(5000)), Err(Errno::NXIO));
    assert_eq!(folder.volume.seek(&file, Seek::Hole(9000)), Err(Errno::NXIO));
}

#[test]
fn copy_between_files_moves_bytes_where_the_host_can() {
    let folder = Folder::new();
    let (_, source) = folder.file("source", b"0123456789");
    let (_, target) = folder.file("target", b"ab");
    match folder.volume.copy((&source, 3), (&target, 2), 100) {
        Ok(count) => {
            assert_eq!(count, 7);
            assert_eq!(folder.bytes(&target), b"ab3456789");
        }
        Err(errno) => assert!(matches!(errno, Errno::OPNOTSUPP | Errno::XDEV), "{errno}"),
    }
}

#[test]
fn set_times_one_is_set_and_the_other_kept() {
    let folder = Folder::new();
    let (node, _file) = folder.file("a", b"x");
    let long_ago = Time {
        seconds: 1_000_000_000,
        nanoseconds: 123_456_700,
    };
    let earlier = Time {
        seconds: -5_000_000,
        ..long_ago
    };
    folder
        .volume
        .set_times(&node, TimeChange::To(long_ago), TimeChange::To(earlier))
        .unwrap();
    folder
        .volume
        .set_times(&node, TimeChange::Now, TimeChange::Keep)
        .unwrap();
    let metadata = folder.volume.metadata(&node).unwrap();
    assert_eq!(metadata.modified, earlier);
    assert!(metadata.accessed.seconds > long_ago.seconds);
}

#[test]
fn set_permissions_are_what_metadata_says() {
    let folder = Folder::new();
    let (node, _file) = folder.file("a", b"x");
    for permissions in [0o444, 0o755, 0o600, 0o640] {
        folder.volume.set_permissions(&node, permissions).unwrap();
        assert_eq!(folder.volume.metadata(&node).unwrap().permissions, permissions);
    }
    let below = folder.folder("below");
    folder.volume.set_permissions(&below, 0o1770).unwrap();
    assert_eq!(folder.volume.metadata(&below).unwrap().permissions, 0o1770);
}

#[test]
fn set_permissions_read_only_is_so_for_the_hosts_programs() {
    let folder = Folder::new();
    let (node, file) = folder.file("a", b"x");
    // An attribute and no mode, which even a file system without attributes keeps.
    folder.volume.set_permissions(&node, 0o555).unwrap();
    let path = folder.host.path().join("a");
    assert!(std::fs::metadata(&path).unwrap().permissions().readonly());
    assert_eq!(folder.volume.write(&file, 0, b"y"), Ok(1));
    folder.volume.set_permissions(&node, 0o755).unwrap();
    assert!(!std::fs::metadata(&path).unwrap().permissions().readonly());
}

#[test]
fn xattrs_are_kept_and_listed_with_their_case() {
    let folder = Folder::new();
    let (node, _file) = folder.file("a", b"x");
    let volume = &folder.volume;
    assert_eq!(volume.xattr(&node, b"user.one"), Err(Errno::NODATA));
    volume
        .set_xattr(&node, b"user.one", b"", XattrMode::Create)
        .unwrap();
    volume
        .set_xattr(&node, b"user.Two", b"2", XattrMode::Set)
        .unwrap();
    assert_eq!(volume.xattr(&node, b"user.one"), Ok(Vec::new()));
    assert_eq!(volume.xattr(&node, b"user.two"), Err(Errno::NODATA));
    let result = volume.set_xattr(&node, b"user.one", b"", XattrMode::Create);
    assert_eq!(result, Err(Errno::EXIST));
    let result = volume.set_xattr(&node, b"user.three", b"", XattrMode::Replace);
    assert_eq!(result, Err(Errno::NODATA));
    let mut names = volume.xattrs(&node).unwrap();
    names.retain(|name| name.starts_with(b"user."));
    names.sort();
    assert_eq!(names, [b"user.Two".to_vec(), b"user.one".to_vec()]);
    volume.remove_xattr(&node, b"user.one").unwrap();
    assert_eq!(volume.remove_xattr(&node, b"user.one"), Err(Errno::NODATA));
}

#[test]
fn lock_of_another_owner_stands_in_the_way_until_it_is_dropped() {
    let folder = Folder::new();
    let (node, file) = folder.file("a", b"0123456789");
    let volume = &folder.volume;
    let lock = |kind, start, end| FileLock { kind, start, end };
    let (first, second) = (
        volume.open_locks(&node).unwrap(),
        volume.open_locks(&node).unwrap(),
    );
    let exclusive = lock(LockKind::Exclusive, 2, 5);
    volume.lock(&first, LockSpace::Ranges, exclusive).unwrap();
    assert_eq!(
        volume.lock(&second, LockSpace::Ranges, lock(LockKind::Shared, 5, 5)),
        Err(Errno::AGAIN)
    );
    assert_eq!(
        volume.probe_lock(&second, lock(LockKind::Shared, 0, 9)),
        Ok(exclusive)
    );
    // Who does not ask for the lock is not stopped by it.
    assert_eq!(volume.write(&file, 3, b"x"), Ok(1));
    let whole = lock(LockKind::Exclusive, 0, FileLock::TO_THE_END);
    volume.lock(&second, LockSpace::Whole, whole).unwrap();
    drop(first);
    volume.lock(&second, LockSpace::Ranges, exclusive).unwrap();
}

#[test]
fn statistics_say_that_there_is_a_disk() {
    let folder = Folder::new();
    let statistics = folder.volume.statistics().unwrap();
    assert!(statistics.blocks >= statistics.free && statistics.blocks > 0);
    assert!(statistics.fragment_bytes >= 512);
}

#[test]
fn open_what_is_no_folder_is_refused() {
    let folder = Folder::new();
    folder.file("a", b"x");
    let refused = super::HostFolder::open(&folder.host.path().join("a"));
    assert_eq!(refused.map(|_| ()), Err(Errno::NOTDIR));
    let missing = super::HostFolder::open(&folder.host.path().join("b"));
    assert_eq!(missing.map(|_| ()), Err(Errno::NOENT));
    assert_eq!(
        folder
            .volume
            .find(&folder.root, &name("b"))
            .map(|found| found.metadata),
        Err(Errno::NOENT)
    );
}
