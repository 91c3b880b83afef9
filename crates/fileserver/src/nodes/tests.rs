//! The table, driven as the kernel drives it.

use super::*;
use crate::{Metadata, Time};

fn found(inode: u64) -> Found<u64> {
    let metadata = Metadata {
        key: NodeKey { device: 1, inode },
        kind: Kind::Folder,
        permissions: 0o755,
        size: 0,
        blocks: 0,
        block_size: 4096,
        links: 1,
        accessed: Time::default(),
        modified: Time::default(),
        changed: Time::default(),
    };
    Found {
        node: inode,
        metadata,
    }
}

fn table(most: usize) -> NodeTable<u64> {
    NodeTable::new(found(100), most, false)
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

#[test]
fn forget_node_stays_until_the_last_lookup_is_taken_back() {
    let table = table(10);
    let id = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
    assert_eq!(table.remember(ROOT_ID, &name("b"), found(1)), Ok(id));
    assert!(!table.forget(id, 1));
    assert!(table.get(id).is_ok());
    assert!(table.forget(id, 5));
    assert_eq!(table.get(id).unwrap_err(), Errno::STALE);
    assert_eq!(table.child(ROOT_ID, &name("b")), None);
}

#[test]
fn forget_root_and_strangers_change_nothing() {
    let table = table(10);
    assert!(!table.forget(ROOT_ID, u64::MAX) && !table.forget(99, 1));
    assert!(table.get(ROOT_ID).is_ok());
}

#[test]
fn remember_numbers_are_never_used_twice() {
    let table = table(10);
    let first = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
    table.forget(first, 1);
    assert_ne!(table.remember(ROOT_ID, &name("a"), found(1)).unwrap(), first);
}

#[test]
fn remember_beyond_the_limit_is_refused_and_forgetting_makes_room() {
    let table = table(2);
    let id = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
    assert_eq!(table.remember(ROOT_ID, &name("b"), found(2)), Err(Errno::NFILE));
    table.forget(id, 1);
    assert!(table.remember(ROOT_ID, &name("b"), found(2)).is_ok());
}

#[test]
fn note_moved_names_follow() {
    let table = table(10);
    let a = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
    let b = table.remember(ROOT_ID, &name("b"), found(2)).unwrap();
    table.note_moved((ROOT_ID, &name("a")), (ROOT_ID, &name("b")), true);
    assert_eq!(table.child(ROOT_ID, &name("b")).map(|child| child.0), Some(a));
    assert_eq!(table.child(ROOT_ID, &name("a")).map(|child| child.0), Some(b));
    table.note_moved((ROOT_ID, &name("a")), (a, &name("c")), false);
    assert_eq!(table.child(ROOT_ID, &name("a")), None);
    assert_eq!(table.resolve(&[name("b"), name("c")]), Some(b));
}

#[test]
fn note_absent_is_forgotten_when_the_name_comes_to_be() {
    let table = table(10);
    assert!(table.note_absent(ROOT_ID, &name("x")));
    assert_eq!(
        table.names(),
        [KnownName {
            folder: ROOT_ID,
            name: name("x"),
            node: None
        }]
    );
    table.remember(ROOT_ID, &name("x"), found(1)).unwrap();
    assert_eq!(table.names().len(), 1);
    assert!(table.names()[0].node.is_some());
}

#[test]
fn new_numbers_of_two_tables_do_not_meet() {
    let number = |table: &NodeTable<u64>| table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
    let (one, other) = (number(&table(10)), number(&table(10)));
    assert!(one.abs_diff(other) > 1 << 20, "{one} {other}");
}

#[test]
fn adopt_node_is_found_by_number_key_and_names() {
    let table = table(10);
    let way = || vec![(name("a"), found(1)), (name("b"), found(2))];
    table.adopt(77, way(), (name("c"), found(3))).unwrap();
    assert_eq!(table.get(77).unwrap().key.inode, 3);
    assert_eq!(table.resolve(&[name("a"), name("b"), name("c")]), Some(77));
    let b = table.resolve(&[name("a"), name("b")]).unwrap();
    assert_eq!(table.remember(b, &name("c"), found(3)), Ok(77));
    assert_eq!(table.adopt(77, way(), (name("c"), found(3))), Err(Errno::EXIST));
    assert_eq!(
        table.adopt(ROOT_ID, vec![], (name("c"), found(3))),
        Err(Errno::EXIST)
    );
}

#[test]
fn adopt_way_stays_as_long_as_the_node() {
    let table = table(10);
    table
        .adopt(77, vec![(name("a"), found(1))], (name("b"), found(2)))
        .unwrap();
    let a = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
    assert!(!table.forget(a, 1));
    assert_eq!(table.resolve(&[name("a"), name("b")]), Some(77));
    assert!(table.forget(77, 5));
    assert_eq!(table.get(a).unwrap_err(), Errno::STALE);
    assert_eq!((table.ids(), table.names().len()), (vec![ROOT_ID], 0));
}

#[test]
fn adopt_in_any_order_folders_and_what_is_in_them_agree() {
    let table = table(10);
    let way = || vec![(name("a"), found(1))];
    table.adopt(77, way(), (name("b"), found(2))).unwrap();
    table.adopt(66, vec![], (name("a"), found(1))).unwrap();
    assert_eq!(table.resolve(&[name("a")]), Some(66));
    assert_eq!(table.resolve(&[name("a"), name("b")]), Some(77));
    assert!(!table.forget(66, 1), "something below it is in use");
    assert!(table.forget(77, 1));
    assert_eq!(table.ids(), [ROOT_ID]);
}

#[test]
fn adopt_second_number_of_one_node_leaves_the_first_alone() {
    let table = table(10);
    let first = table.remember(ROOT_ID, &name("a"), found(1)).unwrap();
    table.adopt(77, vec![], (name("a"), found(1))).unwrap();
    assert_eq!(table.get(77).unwrap().key, table.get(first).unwrap().key);
    assert!(table.forget(77, 1));
    assert_eq!(table.remember(ROOT_ID, &name("a"), found(1)), Ok(first));
}

#[test]
fn adopt_beyond_the_limit_is_refused_and_changes_nothing() {
    let table = table(3);
    let way = || vec![(name("a"), found(1)), (name("b"), found(2))];
    assert_eq!(table.adopt(77, way(), (name("c"), found(3))), Err(Errno::NFILE));
    assert_eq!((table.ids(), table.names().len()), (vec![ROOT_ID], 0));
}

/// Names as text, in order.
fn texts(names: Vec<Name>) -> Vec<String> {
    let text = |name: Name| String::from_utf8(name.as_bytes().to_vec()).unwrap();
    let mut texts: Vec<String> = names.into_iter().map(text).collect();
    texts.sort();
    texts
}

#[test]
fn other_spellings_of_a_volume_without_case_are_those_the_guest_knows() {
    let table = NodeTable::new(found(100), 100, true);
    let folder = table.remember(ROOT_ID, &name("Src"), found(1)).unwrap();
    assert_eq!(table.remember(ROOT_ID, &name("src"), found(1)), Ok(folder));
    let file = table.remember(folder, &name("readme"), found(2)).unwrap();
    for (spelling, inode) in [("README", 2), ("ReadMe", 2), ("other", 3)] {
        table.remember(folder, &name(spelling), found(inode)).unwrap();
    }
    let spellings = |of: &str| texts(table.other_spellings(folder, &name(of)));
    assert_eq!(spellings("readme"), ["README", "ReadMe"]);
    // The host may have a spelling that the guest never used.
    assert_eq!(spellings("rEADME"), ["README", "ReadMe", "readme"]);
    assert_eq!(table.resolve_all(&[name("SRC")]), [folder]);
    assert_eq!(table.resolve_all(&[name("SRC"), name("Readme")]), [file]);
    // The guest removes one and moves another; the third is still there to be taken back.
    table.note_removed(folder, &name("readme"));
    table.note_moved((folder, &name("README")), (ROOT_ID, &name("moved")), false);
    assert_eq!(spellings("readme"), ["ReadMe"]);
    table.note_invalidated(folder, &name("ReadMe"));
    assert_eq!(spellings("readme"), [""; 0]);
    assert_eq!(texts(table.other_spellings(ROOT_ID, &name("MOVED"))), ["moved"]);
    assert!(table.forget(file, u64::MAX));
    assert_eq!(table.other_spellings(ROOT_ID, &name("MOVED")), []);
    assert_eq!(table.resolve_all(&[name("gone"), name("x")]), [0; 0]);
}

#[test]
fn other_spellings_of_a_volume_with_case_are_none() {
    let table = table(100);
    let [lower, upper] = [("a", 1), ("A", 2)].map(|(text, inode)| {
        let id = table.remember(ROOT_ID, &name(text), found(inode));
        id.unwrap()
    });
    assert_eq!(table.other_spellings(ROOT_ID, &name("a")), []);
    assert_eq!(table.resolve_all(&[name("a")]), [lower]);
    assert_eq!(table.resolve_all(&[name("A")]), [upper]);
    assert_eq!(table.resolve_all(&[]), [ROOT_ID]);
}
