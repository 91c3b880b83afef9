//! Making, moving and removing names.

use super::{Folder, READ_WRITE, name};
use crate::{Errno, Kind, RenameMode, Volume};

#[test]
fn create_name_that_is_there_is_refused() {
    let folder = Folder::new();
    let (node, _file) = folder.file("a", b"x");
    let again = folder
        .volume
        .create(&folder.root, &name("a"), READ_WRITE, 0o644)
        .map(|(found, _)| found.metadata);
    assert_eq!(again, Err(Errno::EXIST));
    let again = folder.volume.make_folder(&folder.root, &name("a"), 0o755);
    assert_eq!(again.map(|found| found.metadata), Err(Errno::EXIST));
    let found = folder.find("a").metadata;
    assert_eq!(found.key, folder.volume.metadata(&node).unwrap().key);
}

#[test]
fn rename_replaces_and_the_node_follows() {
    let folder = Folder::new();
    let (node, _) = folder.file("new", b"new");
    let (old, _) = folder.file("old", b"old");
    let key = folder.volume.metadata(&node).unwrap().key;
    let rename = |mode| {
        let (from, to) = (name("new"), name("old"));
        folder
            .volume
            .rename((&folder.root, &from), (&folder.root, &to), mode)
    };
    assert_eq!(rename(RenameMode::NoReplace), Err(Errno::EXIST));
    assert_eq!(rename(RenameMode::Replace), Ok(()));
    assert_eq!(folder.find("old").metadata.key, key);
    assert_eq!(folder.volume.metadata(&node).unwrap().size, 3);
    assert_eq!(folder.bytes_of("old"), b"new");
    assert!(folder.volume.find(&folder.root, &name("new")).is_err());
    drop(old);
}

#[test]
fn rename_folder_whose_contents_are_known_moves_them_along() {
    let folder = Folder::new();
    let (from, to) = (folder.folder("from"), folder.folder("to"));
    let (node, file) = folder.file_in(&from, "a", b"x");
    drop(file);
    folder
        .volume
        .rename(
            (&folder.root, &name("from")),
            (&to, &name("moved")),
            RenameMode::Replace,
        )
        .unwrap();
    let moved = folder.volume.find(&to, &name("moved")).unwrap().node;
    let found = folder.volume.find(&moved, &name("a")).unwrap().metadata;
    assert_eq!(found, folder.volume.metadata(&node).unwrap());
    // By the old handle too.
    assert!(folder.volume.find(&from, &name("a")).is_ok());
}

#[test]
fn rename_files_and_folders_do_not_replace_each_other() {
    let folder = Folder::new();
    folder.file("file", b"x");
    folder.folder("empty");
    let full = folder.folder("full");
    folder.file_in(&full, "a", b"x");
    let rename = |from: &str, to: &str| {
        let (from, to) = (name(from), name(to));
        folder
            .volume
            .rename((&folder.root, &from), (&folder.root, &to), RenameMode::Replace)
    };
    assert_eq!(rename("file", "empty"), Err(Errno::ISDIR));
    assert_eq!(rename("empty", "file"), Err(Errno::NOTDIR));
    assert_eq!(rename("empty", "full"), Err(Errno::NOTEMPTY));
    assert_eq!(rename("missing", "file"), Err(Errno::NOENT));
    assert_eq!(rename("full", "empty"), Ok(()));
    assert!(folder.volume.find(&folder.find("empty").node, &name("a")).is_ok());
}

#[test]
fn remove_open_file_goes_on_without_a_name() {
    let folder = Folder::new();
    let (node, file) = folder.file("a", b"hello");
    folder.volume.remove(&folder.root, &name("a")).unwrap();
    assert!(folder.volume.find(&folder.root, &name("a")).is_err());
    assert_eq!(folder.volume.write(&file, 5, b"!"), Ok(1));
    assert_eq!(folder.bytes(&file), b"hello!");
    assert_eq!(folder.volume.metadata(&node).unwrap().size, 6);
    // The name is free at once.
    folder.file("a", b"another");
}

#[test]
fn remove_files_and_folders_are_told_apart() {
    let folder = Folder::new();
    folder.file("file", b"x");
    let full = folder.folder("full");
    folder.file_in(&full, "a", b"x");
    let volume = &folder.volume;
    // Linux says the first, macOS the second.
    let refused = volume.remove(&folder.root, &name("full"));
    assert!(matches!(refused, Err(Errno::ISDIR | Errno::PERM)), "{refused:?}");
    assert_eq!(
        volume.remove_folder(&folder.root, &name("file")),
        Err(Errno::NOTDIR)
    );
    assert_eq!(
        volume.remove_folder(&folder.root, &name("full")),
        Err(Errno::NOTEMPTY)
    );
    volume.remove(&full, &name("a")).unwrap();
    volume.remove_folder(&folder.root, &name("full")).unwrap();
    assert!(volume.find(&folder.root, &name("full")).is_err());
}

#[test]
fn remove_read_only_file_is_the_folders_business() {
    let folder = Folder::new();
    drop(folder.file("a", b"x"));
    let path = folder.host.path().join("a");
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    assert_eq!(folder.find("a").metadata.permissions & 0o222, 0);
    folder.volume.remove(&folder.root, &name("a")).unwrap();
    assert!(!path.exists());
}

#[test]
fn hard_link_is_another_name_of_the_same() {
    let folder = Folder::new();
    let (node, _) = folder.file("a", b"x");
    folder.volume.hard_link(&node, &folder.root, &name("b")).unwrap();
    let found = folder.find("b").metadata;
    assert_eq!((found.key, found.links), (folder.find("a").metadata.key, 2));
    let again = folder.volume.hard_link(&node, &folder.root, &name("b"));
    assert_eq!(again, Err(Errno::EXIST));
    // Between two names of one file a rename does nothing.
    folder
        .volume
        .rename(
            (&folder.root, &name("a")),
            (&folder.root, &name("b")),
            RenameMode::Replace,
        )
        .unwrap();
    assert_eq!(folder.find("a").metadata.links, 2);
}

#[test]
fn create_names_that_some_host_cannot_hold_are_found_again() {
    let folder = Folder::new();
    for text in [
        "a:b",
        "end.",
        "end ",
        "con",
        "aux.txt",
        "back\\slash",
        "a*?<>|\"",
        "日本",
    ] {
        folder.file(text, text.as_bytes());
        assert_eq!(folder.bytes_of(text), text.as_bytes());
        folder.volume.remove(&folder.root, &name(text)).unwrap();
    }
}

#[test]
fn find_stream_of_a_file_is_no_name() {
    let folder = Folder::new();
    folder.file("a", b"x");
    for text in ["a::$DATA", "a:", ".\\a", "..\\a"] {
        let found = folder.volume.find(&folder.root, &name(text));
        assert_eq!(found.map(|found| found.metadata), Err(Errno::NOENT), "{text}");
    }
}

#[cfg(windows)]
#[test]
fn rename_to_other_case_changes_the_shown_name() {
    let folder = Folder::new();
    folder.file("readme", b"x");
    assert_eq!(folder.bytes_of("README"), b"x");
    let (from, to) = (name("readme"), name("ReadMe"));
    folder
        .volume
        .rename((&folder.root, &from), (&folder.root, &to), RenameMode::Replace)
        .unwrap();
    let mut entries = std::fs::read_dir(folder.host.path()).unwrap();
    assert_eq!(entries.next().unwrap().unwrap().file_name(), "ReadMe");
}

#[test]
fn make_folder_is_one() {
    let folder = Folder::new();
    let made = folder.folder("below");
    assert_eq!(folder.volume.metadata(&made).unwrap().kind, Kind::Folder);
    assert!(folder.host.path().join("below").is_dir());
}
