//! Files, folders and links.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, symlink},
    },
    thread,
};

use rustix::fs::{FallocateFlags, RenameFlags, SeekFrom as RawSeek, XattrFlags};

use crate::guest::Guest;

/// Bytes that tell where they are.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index / 7 + index) as u8).collect()
}

#[test]
fn write_and_read_large_file_is_the_same_on_both_sides() {
    let guest = Guest::new();
    let bytes = pattern((5 << 20) + 123);
    fs::write(guest.point.join("large"), &bytes).unwrap();
    assert!(fs::read(guest.host.join("large")).unwrap() == bytes);
    fs::write(guest.host.join("other"), &bytes).unwrap();
    let mut file = File::open(guest.point.join("other")).unwrap();
    let mut chunk = vec![0; 1 << 20];
    file.seek(SeekFrom::Start(1 << 20)).unwrap();
    file.read_exact(&mut chunk).unwrap();
    assert!(chunk == bytes[1 << 20..2 << 20]);
    assert!(fs::read(guest.point.join("other")).unwrap() == bytes);
}

#[test]
fn append_and_truncate_change_the_host_file() {
    let guest = Guest::new();
    let path = guest.point.join("log");
    for line in ["one\n", "two\n"] {
        File::options()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap()
            .write_all(line.as_bytes())
            .unwrap();
    }
    assert_eq!(fs::read(guest.host.join("log")).unwrap(), b"one\ntwo\n");
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(4)
        .unwrap();
    assert_eq!(fs::read(guest.host.join("log")).unwrap(), b"one\n");
    File::create(&path).unwrap();
    assert_eq!(fs::metadata(guest.host.join("log")).unwrap().len(), 0);
}

#[test]
fn unlink_while_open_file_goes_on_working() {
    let guest = Guest::new();
    let path = guest.point.join("gone");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .unwrap();
    file.write_all(b"before").unwrap();
    fs::remove_file(&path).unwrap();
    assert!(!guest.host.join("gone").exists());
    file.write_all(b" and after").unwrap();
    file.set_len(9).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 9);
    let mut text = vec![0; 9];
    file.read_exact_at(&mut text, 0).unwrap();
    assert_eq!(text, b"before an");
}

#[test]
fn rename_every_way_does_what_it_says() {
    let guest = Guest::new();
    let at = |name: &str| guest.point.join(name);
    fs::write(at("a"), "a").unwrap();
    fs::write(at("b"), "b").unwrap();
    let rename = |from: &str, to: &str, flags| {
        rustix::fs::renameat_with(rustix::fs::CWD, at(from), rustix::fs::CWD, at(to), flags)
    };
    assert_eq!(
        rename("a", "b", RenameFlags::NOREPLACE),
        Err(rustix::io::Errno::EXIST)
    );
    rename("a", "b", RenameFlags::EXCHANGE).unwrap();
    assert_eq!(fs::read_to_string(at("a")).unwrap(), "b");
    assert_eq!(
        rename("a", "b", RenameFlags::WHITEOUT),
        Err(rustix::io::Errno::INVAL)
    );
    fs::rename(at("a"), at("b")).unwrap();
    assert_eq!(fs::read_to_string(guest.host.join("b")).unwrap(), "b");
    assert!(!at("a").exists());
    fs::create_dir(at("d")).unwrap();
    fs::rename(at("b"), at("d/B")).unwrap();
    fs::rename(at("d/B"), at("d/b")).unwrap();
    assert_eq!(fs::read_to_string(guest.host.join("d/b")).unwrap(), "b");
    assert_eq!(
        fs::rename(at("d"), at("d/in")).unwrap_err().raw_os_error(),
        Some(libc::EINVAL)
    );
}

#[test]
fn links_are_kept_as_written_and_resolved_in_the_guest() {
    let guest = Guest::new();
    fs::write(guest.point.join("target"), "inside").unwrap();
    symlink("target", guest.point.join("near")).unwrap();
    symlink("/etc/hostname", guest.host.join("far")).unwrap();
    assert_eq!(fs::read_to_string(guest.point.join("near")).unwrap(), "inside");
    assert_eq!(
        fs::read_link(guest.point.join("far")).unwrap().to_str(),
        Some("/etc/hostname")
    );
    fs::hard_link(guest.point.join("target"), guest.point.join("second")).unwrap();
    let (first, second) = (
        fs::metadata(guest.point.join("target")),
        fs::metadata(guest.point.join("second")),
    );
    assert_eq!(first.as_ref().unwrap().ino(), second.unwrap().ino());
    assert_eq!(first.unwrap().nlink(), 2);
}

#[test]
fn list_many_entries_each_once() {
    let guest = Guest::new();
    fs::create_dir(guest.host.join("many")).unwrap();
    let mut expected: Vec<String> = (0..3000)
        .map(|index| format!("entry-{index:04}-{}", "x".repeat(index % 90)))
        .collect();
    for name in &expected {
        File::create(guest.host.join("many").join(name)).unwrap();
    }
    let mut found: Vec<String> = fs::read_dir(guest.point.join("many"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn sparse_file_holes_are_found_punched_and_copied() {
    let guest = Guest::new();
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(guest.point.join("sparse"))
        .unwrap();
    file.write_all_at(&[1; 4096], 1 << 20).unwrap();
    assert_eq!(rustix::fs::seek(&file, RawSeek::Data(0)), Ok(1 << 20));
    assert_eq!(
        rustix::fs::seek(&file, RawSeek::Hole(1 << 20)),
        Ok((1 << 20) + 4096)
    );
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(&file, punch, 1 << 20, 4096).unwrap();
    assert_eq!(
        rustix::fs::seek(&file, RawSeek::Data(0)),
        Err(rustix::io::Errno::NXIO)
    );
    file.write_all_at(b"copied", 0).unwrap();
    let target = File::create_new(guest.point.join("copy")).unwrap();
    assert_eq!(
        rustix::fs::copy_file_range(&file, Some(&mut 0), &target, Some(&mut 0), 6),
        Ok(6)
    );
    assert_eq!(fs::read(guest.host.join("copy")).unwrap(), b"copied");
}

#[test]
fn memory_map_writes_reach_the_host() {
    let guest = Guest::new();
    let path = guest.point.join("map");
    fs::write(&path, vec![b'.'; 8192]).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    use rustix::mm::{MapFlags, MsyncFlags, ProtFlags, mmap, msync, munmap};
    // SAFETY: a new mapping of a file that only this test has, unmapped at the end.
    unsafe {
        let map = mmap(
            std::ptr::null_mut(),
            8192,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            &file,
            0,
        )
        .unwrap();
        map.cast::<u8>().add(5000).write(b'!');
        msync(map, 8192, MsyncFlags::SYNC).unwrap();
        munmap(map, 8192).unwrap();
    }
    assert_eq!(fs::read(guest.host.join("map")).unwrap()[5000], b'!');
}

#[test]
fn xattrs_of_users_work_and_others_are_refused() {
    let guest = Guest::new();
    let path = guest.point.join("file");
    fs::write(&path, "").unwrap();
    let long = vec![b'v'; 2000];
    rustix::fs::setxattr(&path, "user.short", b"value", XattrFlags::CREATE).unwrap();
    rustix::fs::setxattr(&path, "user.long", &long, XattrFlags::empty()).unwrap();
    assert_eq!(
        rustix::fs::setxattr(&path, "user.short", b"", XattrFlags::CREATE),
        Err(rustix::io::Errno::EXIST)
    );
    let mut buffer = vec![0; 4096];
    assert_eq!(
        rustix::fs::getxattr(&path, "user.long", &mut buffer[..]),
        Ok(2000)
    );
    assert!(buffer[..2000] == long);
    assert_eq!(
        rustix::fs::getxattr(&path, "user.none", &mut buffer[..]),
        Err(rustix::io::Errno::NODATA)
    );
    assert_eq!(
        rustix::fs::getxattr(&path, "user.long", &mut buffer[..100]),
        Err(rustix::io::Errno::RANGE)
    );
    let count = rustix::fs::listxattr(&path, &mut buffer[..]).unwrap();
    let mut names: Vec<&[u8]> = buffer[..count].split_inclusive(|byte| *byte == 0).collect();
    names.sort();
    assert_eq!(names, [&b"user.long\0"[..], b"user.short\0"]);
    for name in ["trusted.x", "security.x"] {
        assert_eq!(
            rustix::fs::setxattr(&path, name, b"x", XattrFlags::empty()),
            Err(rustix::io::Errno::OPNOTSUPP),
            "{name}"
        );
    }
    rustix::fs::removexattr(&path, "user.long").unwrap();
    assert_eq!(
        rustix::fs::getxattr(&path, "user.long", &mut buffer[..]),
        Err(rustix::io::Errno::NODATA)
    );
}

#[test]
fn names_any_bytes_pass_and_long_ones_are_refused() {
    let guest = Guest::new();
    for name in [
        &b"\xff\xfe"[..],
        b"a b\n",
        b"back\\slash",
        b"con",
        b"trailing. ",
        b":",
    ] {
        let name = OsStr::from_bytes(name);
        fs::write(guest.point.join(name), "").unwrap();
        assert!(guest.host.join(name).exists());
    }
    let long = |count| guest.point.join("n".repeat(count));
    fs::write(long(255), "").unwrap();
    assert_eq!(
        fs::write(long(300), "").unwrap_err().raw_os_error(),
        Some(libc::ENAMETOOLONG)
    );
}

#[test]
fn times_and_modes_are_set_and_read_back() {
    let guest = Guest::new();
    let path = guest.point.join("file");
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(&path)
        .unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    file.set_times(fs::FileTimes::new().set_modified(time)).unwrap();
    let there = fs::metadata(guest.host.join("file")).unwrap();
    assert_eq!(
        (there.mtime(), there.mtime_nsec(), there.mode() & 0o777),
        (1_000_000_000, 123_456_789, 0o640)
    );
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time);
}

#[test]
fn many_threads_at_once_do_not_disturb_each_other() {
    let guest = Guest::new();
    thread::scope(|scope| {
        for thread in 0..8 {
            let folder = guest.point.join(format!("folder-{thread}"));
            scope.spawn(move || {
                fs::create_dir(&folder).unwrap();
                for round in 0..60 {
                    let (first, second) =
                        (folder.join(format!("a{round}")), folder.join(format!("b{round}")));
                    let bytes = pattern(round * 1000 + thread);
                    fs::write(&first, &bytes).unwrap();
                    fs::rename(&first, &second).unwrap();
                    assert!(fs::read(&second).unwrap() == bytes);
                    if round % 2 == 0 {
                        fs::remove_file(&second).unwrap();
                    }
                }
                assert_eq!(fs::read_dir(&folder).unwrap().count(), 30);
            });
        }
    });
}
