//! Old or new, never between.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, Read},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use super::*;
use crate::test_program;

const LENGTH: usize = 1 << 20;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn write_atomically_new_and_existing_replaces_and_leaves_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    write_atomically(&path, b"one", true).unwrap();
    write_atomically(&path, b"two", true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn write_atomically_private_closes_a_file_that_was_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    fs::write(&path, "one").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    write_atomically(&path, b"two", true).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn write_atomically_not_private_keeps_what_the_file_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    for allowed in [0o600, 0o664] {
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(allowed)).unwrap();
        write_atomically(&path, b"two", false).unwrap();
        assert_eq!(mode(&path), allowed);
    }
}

#[test]
fn write_atomically_through_a_link_replaces_its_target() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("dotfiles")).unwrap();
    let target = folder.path().join("dotfiles/config.json");
    fs::write(&target, "one").unwrap();
    let path = folder.path().join("config.json");
    symlink("dotfiles/config.json", &path).unwrap();
    write_atomically(&path, b"two", false).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"two");
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
}

#[test]
fn write_atomically_in_missing_folder_fails() {
    let error = write_atomically(Path::new("/no/such/folder/file"), b"", true).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn write_atomically_killed_at_any_moment_leaves_one_whole_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    fs::write(&path, vec![b'a'; LENGTH]).unwrap();
    for round in 0..8 {
        let command = test_program::command("atomic_file::tests::writer", path.to_str().unwrap());
        let (mut writer, mut output, _) = test_program::start_until(command, "writing");
        for _write in 0..round {
            output.read_line(&mut String::new()).unwrap();
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let content = fs::read(&path).unwrap();
        assert_eq!(content.len(), LENGTH);
        assert!(content.iter().all(|byte| *byte == content[0]));
    }
}

#[test]
#[ignore = "a part of write_atomically_killed_at_any_moment_leaves_one_whole_content"]
fn writer() {
    let Some(path) = test_program::argument() else {
        return;
    };
    println!("writing");
    for byte in (b'a'..=b'z').cycle() {
        write_atomically(Path::new(&path), &[byte; LENGTH], true).unwrap();
        println!("written");
    }
    let _ = io::stdin().read(&mut [0]);
}
