//! Listings.

use std::collections::BTreeMap;

use super::{Folder, Node, name};
use crate::{Errno, Kind, Volume};

type Entries = BTreeMap<String, (Option<Kind>, u64)>;

/// All entries, `most` at a time; each may come only once.
fn entries(folder: &Folder, node: &Node, most: usize) -> Entries {
    let mut listing = folder.volume.open_folder(node).unwrap();
    let mut entries = Entries::new();
    let mut offset = 0;
    loop {
        let mut count = 0;
        folder
            .volume
            .list(&mut listing, offset, &mut |entry| {
                if count == most {
                    return false;
                }
                count += 1;
                offset = entry.next;
                let name = String::from_utf8(entry.name.to_vec()).unwrap();
                let old = entries.insert(name, (entry.kind, entry.inode));
                assert_eq!(old, None);
                true
            })
            .unwrap();
        if count == 0 {
            return entries;
        }
    }
}

#[test]
fn list_names_kinds_and_numbers() {
    let folder = Folder::new();
    folder.file("file", b"x");
    let below = folder.folder("below");
    let found = entries(&folder, &folder.root, usize::MAX);
    assert_eq!(found.keys().collect::<Vec<_>>(), [".", "..", "below", "file"]);
    assert_eq!(found["below"].0, Some(Kind::Folder));
    assert_eq!(
        found["file"],
        (Some(Kind::File), folder.find("file").metadata.key.inode)
    );
    assert_eq!(
        entries(&folder, &below, usize::MAX).keys().collect::<Vec<_>>(),
        [".", ".."]
    );
}

#[test]
fn list_many_in_pieces_every_entry_comes_once() {
    let folder = Folder::new();
    for index in 0..700 {
        let path = folder
            .host
            .path()
            .join(format!("{index:03} {}", "long name ".repeat(10)));
        std::fs::write(path.with_extension("x"), b"").unwrap();
    }
    assert_eq!(entries(&folder, &folder.root, 7).len(), 702);
}

#[test]
fn list_entries_that_are_removed_as_they_come_leave_none_behind() {
    let folder = Folder::new();
    for index in 0..300 {
        std::fs::write(folder.host.path().join(index.to_string()), b"").unwrap();
    }
    let mut listing = folder.volume.open_folder(&folder.root).unwrap();
    let mut offset = 0;
    loop {
        let mut names = Vec::new();
        folder
            .volume
            .list(&mut listing, offset, &mut |entry| {
                if names.len() == 10 {
                    return false;
                }
                names.push(String::from_utf8(entry.name.to_vec()).unwrap());
                offset = entry.next;
                true
            })
            .unwrap();
        if names.is_empty() {
            break;
        }
        for text in names.iter().filter(|text| !text.starts_with('.')) {
            folder.volume.remove(&folder.root, &name(text)).unwrap();
        }
    }
    assert_eq!(std::fs::read_dir(folder.host.path()).unwrap().count(), 0);
}

#[test]
fn open_folder_of_a_file_is_refused() {
    let folder = Folder::new();
    let (node, _) = folder.file("a", b"x");
    let refused = folder.volume.open_folder(&node).map(|_| ());
    assert_eq!(refused, Err(Errno::NOTDIR));
}
