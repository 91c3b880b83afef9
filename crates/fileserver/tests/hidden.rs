//! Places below a share that the guest does not get to see, through a real mount and by a guest that means harm.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "mount namespaces have no safe face")]

#[path = "attack/client.rs"]
mod client;
#[path = "guest/mod.rs"]
#[expect(dead_code, reason = "each program of tests uses a part")]
mod guest;

use std::{fs, io, os::unix::fs::symlink, path::Path};

use client::{Attacker, bytes, name};
use fileserver::{CacheTimes, ShareOptions, path_names};
use guest::{Guest, writable};
use rustix::fs::{CWD, RenameFlags};

const ROOT: u64 = 1;
const ENOENT: i32 = -2;
const EACCES: i32 = -13;
const SECRET: &str = "kept from the guest";

fn hiding(paths: &[&str]) -> ShareOptions {
    ShareOptions {
        hidden: paths
            .iter()
            .map(|path| path_names(Path::new(path)).unwrap())
            .collect(),
        ..writable()
    }
}

/// A home folder with two hidden places, one of them in a folder that is seen.
fn home(folder: &Path) {
    for place in [".ssh", ".config/chrome", ".config/other", "decoy/chrome", "work"] {
        fs::create_dir_all(folder.join(place)).unwrap();
    }
    fs::write(folder.join(".ssh/id"), SECRET).unwrap();
    fs::write(folder.join(".config/chrome/cookies"), SECRET).unwrap();
    fs::write(folder.join("work/file"), "x").unwrap();
}

fn must_be_whole(folder: &Path) {
    assert_eq!(fs::read_to_string(folder.join(".ssh/id")).unwrap(), SECRET);
    assert_eq!(
        fs::read_to_string(folder.join(".config/chrome/cookies")).unwrap(),
        SECRET
    );
}

fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn refused<T>(errno: i32, result: io::Result<T>) {
    assert_eq!(result.map(|_| ()).unwrap_err().raw_os_error(), Some(errno));
}

fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(
        CWD,
        one,
        CWD,
        other,
        RenameFlags::EXCHANGE,
    )?)
}

#[test]
fn hidden_places_are_not_there_for_programs() {
    let guest = Guest::prepared(hiding(&[".ssh", ".config/chrome"]), home);
    let at = |place: &str| guest.point.join(place);
    assert_eq!(listed(&guest.point), [".config", "decoy", "work"]);
    assert_eq!(listed(&at(".config")), ["other"]);
    for place in [".ssh", ".ssh/id", ".config/chrome", ".config/chrome/cookies"] {
        refused(libc::ENOENT, fs::symlink_metadata(at(place)));
    }
    for place in [".ssh", ".config/chrome"] {
        refused(libc::EACCES, fs::write(at(place), ""));
        refused(libc::EACCES, fs::create_dir(at(place)));
        refused(libc::EACCES, symlink("work", at(place)));
        refused(libc::EACCES, fs::hard_link(at("work/file"), at(place)));
        refused(libc::EACCES, fs::rename(at("work/file"), at(place)));
        refused(libc::EACCES, fs::rename(at("decoy"), at(place)));
        refused(libc::ENOENT, fs::remove_dir_all(at(place)));
        refused(libc::ENOENT, fs::rename(at(place), at("taken")));
    }
    // Other places of these names are nobody's secret.
    assert!(at("decoy/chrome").is_dir());
    fs::create_dir(at("work/.ssh")).unwrap();
    must_be_whole(&guest.host);
}

#[test]
fn folder_on_the_way_stays_where_it_is() {
    let guest = Guest::prepared(hiding(&[".config/chrome"]), home);
    let at = |place: &str| guest.point.join(place);
    refused(libc::EACCES, fs::rename(at(".config"), at("moved")));
    refused(libc::EACCES, fs::rename(at(".config"), at("work/moved")));
    refused(libc::EACCES, exchange(&at(".config"), &at("decoy")));
    refused(libc::EACCES, exchange(&at("decoy"), &at(".config")));
    refused(libc::EACCES, fs::remove_dir(at(".config")));
    // What is beside the hidden place is as ever.
    fs::rename(at(".config/other"), at(".config/another")).unwrap();
    fs::write(at(".config/new"), "x").unwrap();
    must_be_whole(&guest.host);
}

#[test]
fn folder_on_the_way_may_only_be_made_as_an_empty_folder() {
    let guest = Guest::prepared(hiding(&[".config/chrome"]), |folder| {
        fs::create_dir_all(folder.join("decoy/chrome")).unwrap();
        fs::write(folder.join("file"), "").unwrap();
    });
    let at = |place: &str| guest.point.join(place);
    // A program on the host would write its secrets behind it.
    refused(libc::EACCES, symlink("decoy", at(".config")));
    refused(libc::EACCES, fs::rename(at("decoy"), at(".config")));
    refused(libc::EACCES, fs::hard_link(at("file"), at(".config")));
    fs::create_dir(at(".config")).unwrap();
    refused(libc::EACCES, fs::create_dir(at(".config/chrome")));
    fs::create_dir(guest.host.join(".config/chrome")).unwrap();
    assert_eq!(listed(&at(".config")), Vec::<String>::new());
}

#[test]
fn listing_of_a_large_folder_misses_only_what_is_hidden() {
    let guest = Guest::prepared(hiding(&["d/f2500", "d/f0"]), |folder| {
        fs::create_dir(folder.join("d")).unwrap();
        for index in 0..5000 {
            fs::write(folder.join(format!("d/f{index}")), "").unwrap();
        }
    });
    // Twice: with attributes, and from what the kernel asks for afterwards.
    for _ in 0..2 {
        let names = listed(&guest.point.join("d"));
        assert_eq!(names.len(), 4998);
        assert!(!names.iter().any(|name| name == "f2500" || name == "f0"));
    }
}

#[test]
fn hidden_places_cannot_be_had_by_asking_much_at_once() {
    let mut guest = Attacker::with(hiding(&[".ssh", ".config/chrome"]));
    home(&guest.share);
    let config = guest.find(ROOT, b".config").unwrap();
    let decoy = guest.find(ROOT, b"decoy").unwrap();
    let rename =
        |from: &[u8], to: &[u8], flags: u32| [bytes(&[1, 0, flags, 0]), name(from), name(to)].concat();
    for _ in 0..300 {
        let answers = guest.ask_all(vec![
            (45, ROOT, rename(b".config", b"moved", 0)),
            (1, config, name(b"chrome")),
            (45, ROOT, rename(b".config", b"decoy", 2)),
            (1, config, name(b"chrome")),
            (45, ROOT, rename(b"decoy", b".config", 2)),
            (1, ROOT, name(b".ssh")),
            (45, ROOT, rename(b".ssh", b"mine", 0)),
            (11, ROOT, name(b".config")),
            (10, config, name(b"chrome")),
            (45, decoy, rename(b"chrome", b".ssh", 0)),
            (6, ROOT, [name(b".ssh"), name(b"decoy")].concat()),
            (
                35,
                config,
                [bytes(&[0o102, 0o100_644, 0, 0]), name(b"chrome")].concat(),
            ),
        ]);
        let errors: Vec<i32> = answers.iter().map(|(error, _)| *error).collect();
        assert_eq!(
            errors,
            [
                EACCES, ENOENT, EACCES, ENOENT, EACCES, ENOENT, ENOENT, EACCES, ENOENT, EACCES, EACCES,
                EACCES
            ]
        );
    }
    must_be_whole(&guest.share);
    assert!(guest.share.join("decoy/chrome").is_dir());
}

#[test]
fn listings_of_both_kinds_do_not_name_what_is_hidden() {
    let mut guest = Attacker::with(hiding(&[".ssh", ".config/chrome"]));
    home(&guest.share);
    let config = guest.find(ROOT, b".config").unwrap();
    for (folder, hidden, seen) in [(ROOT, &b".ssh"[..], &b"decoy"[..]), (config, b"chrome", b"other")] {
        for opcode in [28, 44] {
            let (error, opened) = guest.ask(27, folder, &bytes(&[0, 0]));
            assert_eq!(error, 0);
            let listing = client::read(client::number(&opened), 0, 65_536);
            let (error, entries) = guest.ask(opcode, folder, &listing);
            let has = |text: &[u8]| entries.windows(text.len()).any(|part| part == text);
            assert_eq!((error, has(seen), has(hidden)), (0, true, false), "{opcode}");
        }
    }
}

#[test]
fn changes_in_a_hidden_place_are_not_told() {
    let mut guest = Attacker::with(ShareOptions {
        cache: CacheTimes::WATCHED,
        ..hiding(&[".ssh"])
    });
    home(&guest.share);
    assert_eq!(guest.find(ROOT, b".ssh"), Err(ENOENT));
    let work = guest.find(ROOT, b"work").unwrap();
    let note = |guest: &Attacker, path: &str| {
        guest.server().note_change(path_names(Path::new(path)).unwrap());
    };
    note(&guest, ".ssh");
    note(&guest, ".ssh/id");
    note(&guest, "work/file");
    guest.until_told(|(_, body)| body.len() >= 8 && client::number(body) == work);
    let about_root = |(_, body): &client::Answer| body.len() >= 8 && client::number(body) == ROOT;
    assert!(!guest.notifications.iter().any(about_root));
    // It is told of the share's folder when something else changes there.
    note(&guest, "work");
    guest.until_told(about_root);
}
