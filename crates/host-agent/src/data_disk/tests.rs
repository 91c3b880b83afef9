use super::*;

fn disk() -> (tempfile::TempDir, DataDisk) {
    let folder = tempfile::tempdir().unwrap();
    let disk = DataDisk {
        path: folder.path().join("data.raw"),
        record: folder.path().join("data-disk.json"),
    };
    (folder, disk)
}

fn size(disk: &DataDisk) -> u64 {
    fs::metadata(&disk.path).unwrap().len()
}

#[test]
fn disk_absent_is_made_sparse() {
    let (_folder, disk) = disk();
    disk.ensure(8).unwrap();
    assert_eq!(size(&disk), 8 * GIB);
    assert!(platform::allocated_bytes(&disk.path).unwrap() < 1024 * 1024);
    disk.ensure(8).unwrap();
}

#[test]
fn disk_grows_and_never_shrinks_and_keeps_its_bytes() {
    let (_folder, disk) = disk();
    disk.ensure(4).unwrap();
    let content = b"precious".repeat(64);
    {
        use std::io::Write;
        OpenOptions::new()
            .write(true)
            .open(&disk.path)
            .unwrap()
            .write_all(&content)
            .unwrap();
    }
    disk.ensure(6).unwrap();
    disk.ensure(5).unwrap();
    assert_eq!(size(&disk), 6 * GIB);
    use std::io::Read;
    let mut bytes = vec![0; content.len()];
    fs::File::open(&disk.path)
        .unwrap()
        .read_exact(&mut bytes)
        .unwrap();
    assert_eq!(bytes, content);
}

#[test]
fn disk_truncated_is_refused_and_left_alone() {
    let (_folder, disk) = disk();
    disk.ensure(4).unwrap();
    OpenOptions::new()
        .write(true)
        .open(&disk.path)
        .unwrap()
        .set_len(GIB)
        .unwrap();
    let error = disk.ensure(4).unwrap_err();
    assert_eq!(error.code, Code::DataDisk);
    assert!(error.message.contains("was truncated"), "{}", error.message);
    assert_eq!(size(&disk), GIB);
}

#[test]
fn disk_gone_is_not_replaced_silently() {
    let (_folder, disk) = disk();
    disk.ensure(4).unwrap();
    fs::remove_file(&disk.path).unwrap();
    assert!(disk.ensure(4).unwrap_err().message.contains("is gone"));
    assert!(!disk.path.exists());
}

#[test]
fn disk_that_is_a_folder_or_a_strange_file_is_refused() {
    let (_folder, disk) = disk();
    fs::write(&disk.path, "a letter").unwrap();
    assert!(disk.ensure(4).unwrap_err().message.contains("is not a disk"));
    assert_eq!(fs::read(&disk.path).unwrap(), b"a letter");
    fs::remove_file(&disk.path).unwrap();
    fs::create_dir(&disk.path).unwrap();
    assert!(disk.ensure(4).unwrap_err().message.contains("not a regular file"));
}

#[test]
fn record_of_garbage_says_nothing() {
    let (_folder, disk) = disk();
    disk.ensure(4).unwrap();
    fs::write(&disk.record, [0; 16]).unwrap();
    disk.ensure(4).unwrap();
    assert_eq!(disk.known_size(), Some(4 * GIB));
}

#[test]
fn disk_marked_read_only_is_refused_and_left_alone() {
    let (_folder, disk) = disk();
    disk.ensure(4).unwrap();
    let mut permissions = fs::metadata(&disk.path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&disk.path, permissions).unwrap();
    let error = disk.ensure(6).unwrap_err();
    assert_eq!(error.code, Code::DataDisk);
    assert!(
        error.message.ends_with("is marked read-only"),
        "{}",
        error.message
    );
    assert!(error.hint.is_some());
    assert_eq!(size(&disk), 4 * GIB);
}
