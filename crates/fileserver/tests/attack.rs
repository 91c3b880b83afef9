//! A guest that speaks FUSE itself and means harm: nothing outside the share is ever read or changed.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "attack/client.rs"]
mod client;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use client::{Attacker, bytes, name};
use rustix::fs::{CWD, FileType, Mode, RenameFlags};

mod op {
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const SETATTR: u32 = 4;
    pub const SYMLINK: u32 = 6;
    pub const MKNOD: u32 = 8;
    pub const MKDIR: u32 = 9;
    pub const UNLINK: u32 = 10;
    pub const RMDIR: u32 = 11;
    pub const RENAME: u32 = 12;
    pub const LINK: u32 = 13;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const WRITE: u32 = 16;
    pub const RELEASE: u32 = 18;
    pub const SETXATTR: u32 = 21;
    pub const GETXATTR: u32 = 22;
    pub const OPENDIR: u32 = 27;
    pub const READDIR: u32 = 28;
    pub const SETLKW: u32 = 33;
    pub const CREATE: u32 = 35;
    pub const INTERRUPT: u32 = 36;
    pub const RENAME2: u32 = 45;
}

const ROOT: u64 = 1;
const READ_WRITE: u32 = 2;
/// Create for reading and writing; the mode of a regular file.
const CREATE: [u32; 4] = [0o102, 0o100_644, 0, 0];
const ROUNDS: usize = 100_000;

/// The numbers of Linux.
const EPERM: i32 = -1;
const ENOENT: i32 = -2;
const EINTR: i32 = -4;
const EBADF: i32 = -9;
const EACCES: i32 = -13;
const EEXIST: i32 = -17;
const ENOTDIR: i32 = -20;
const EISDIR: i32 = -21;
const EINVAL: i32 = -22;
const ENAMETOOLONG: i32 = -36;
const ENOSYS: i32 = -38;
const ELOOP: i32 = -40;
const EOPNOTSUPP: i32 = -95;
const ESTALE: i32 = -116;

#[test]
fn names_that_leave_the_share_are_refused_wherever_one_can_be() {
    let mut guest = Attacker::new();
    let outside = guest.outside.join("canary");
    let absolute = outside.as_os_str().as_encoded_bytes();
    let long = [b'n'; 300];
    let bad: [&[u8]; 9] = [
        b"",
        b".",
        b"..",
        b"/",
        b"../outside/canary",
        absolute,
        b"inside/../../outside",
        b"./inside",
        &long,
    ];
    for bad in bad {
        let expected = if bad.len() > 255 { ENAMETOOLONG } else { EINVAL };
        let requests: [(u32, Vec<u8>); 12] = [
            (op::LOOKUP, name(bad)),
            (op::UNLINK, name(bad)),
            (op::RMDIR, name(bad)),
            (op::MKDIR, [bytes(&[0o755, 0]), name(bad)].concat()),
            (op::MKNOD, [bytes(&[0o100_644, 0, 0, 0]), name(bad)].concat()),
            (op::CREATE, [bytes(&CREATE), name(bad)].concat()),
            (op::SYMLINK, [name(bad), name(b"target")].concat()),
            (op::LINK, [bytes(&[2, 0]), name(bad)].concat()),
            (op::RENAME, [bytes(&[1, 0]), name(bad), name(b"to")].concat()),
            (op::RENAME, [bytes(&[1, 0]), name(b"inside"), name(bad)].concat()),
            (
                op::RENAME2,
                [bytes(&[1, 0, 0, 0]), name(bad), name(b"to")].concat(),
            ),
            (
                op::RENAME2,
                [bytes(&[1, 0, 2, 0]), name(b"inside"), name(bad)].concat(),
            ),
        ];
        for (opcode, body) in requests {
            assert_eq!(
                guest.ask(opcode, ROOT, &body).0,
                expected,
                "{opcode} {}",
                bad.escape_ascii()
            );
        }
    }
    // A NUL ends a name; what is behind it is another name, or nothing.
    assert_eq!(guest.ask(op::LOOKUP, ROOT, b"inside\0/../../outside\0").0, 0);
    assert_eq!(guest.ask(op::LOOKUP, ROOT, b"inside").0, EINVAL);
    assert!(guest.share.join("inside").exists() && !guest.share.join("to").exists());
}

#[test]
fn links_are_data_in_every_request() {
    let mut guest = Attacker::new();
    symlink(&guest.outside, guest.share.join("folder-link")).unwrap();
    symlink(guest.outside.join("canary"), guest.share.join("file-link")).unwrap();
    symlink(guest.outside.join("new"), guest.share.join("dangling")).unwrap();
    let folder = guest.find(ROOT, b"folder-link").unwrap();
    let file = guest.find(ROOT, b"file-link").unwrap();
    assert_eq!(guest.find(folder, b"canary"), Err(ENOTDIR));
    assert_eq!(
        guest
            .ask(op::CREATE, folder, &[bytes(&CREATE), name(b"x")].concat())
            .0,
        ENOTDIR
    );
    assert_eq!(
        guest
            .ask(op::MKDIR, folder, &[bytes(&[0o755, 0]), name(b"x")].concat())
            .0,
        ENOTDIR
    );
    assert_eq!(guest.ask(op::UNLINK, folder, &name(b"canary")).0, ENOTDIR);
    assert_eq!(guest.ask(op::OPENDIR, folder, &bytes(&[0, 0])).0, ENOTDIR);
    let to_folder = [folder.to_le_bytes().to_vec(), name(b"inside"), name(b"canary")].concat();
    assert_eq!(guest.ask(op::RENAME, ROOT, &to_folder).0, ENOTDIR);
    for flags in [0, 1, READ_WRITE, 0o1002] {
        assert_eq!(guest.ask(op::OPEN, file, &bytes(&[flags, 0])).0, ELOOP);
    }
    let size = client::setattr(1 << 3, 0, 0);
    assert_eq!(guest.ask(op::SETATTR, file, &size).0, EINVAL);
    let mode = client::setattr(1 << 0, 0o777, 0);
    assert_eq!(guest.ask(op::SETATTR, file, &mode).0, EOPNOTSUPP);
    let times = client::setattr(1 << 4 | 1 << 5, 0, 0);
    assert_eq!(guest.ask(op::SETATTR, file, &times).0, 0);
    let owner = client::setattr(1 << 1, 0, 1234);
    assert_eq!(guest.ask(op::SETATTR, file, &owner).0, 0);
    assert_eq!(
        guest
            .ask(
                op::GETXATTR,
                file,
                &[bytes(&[100, 0]), name(b"user.canary")].concat()
            )
            .0,
        EPERM
    );
    assert_eq!(
        guest
            .ask(
                op::SETXATTR,
                file,
                &[bytes(&[1, 0]), name(b"user.a"), b"x".to_vec()].concat()
            )
            .0,
        EPERM
    );
    // Creating through a link that leads nowhere yet.
    assert_eq!(
        guest
            .ask(op::CREATE, ROOT, &[bytes(&CREATE), name(b"dangling")].concat())
            .0,
        ELOOP
    );
    assert_eq!(
        guest
            .ask(op::MKDIR, ROOT, &[bytes(&[0o755, 0]), name(b"dangling")].concat())
            .0,
        EEXIST
    );
    // A second name for a link is a link.
    assert_eq!(
        guest
            .ask(
                op::LINK,
                ROOT,
                &[file.to_le_bytes().to_vec(), name(b"again")].concat()
            )
            .0,
        0
    );
    assert!(
        fs::symlink_metadata(guest.share.join("again"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn special_files_are_neither_made_nor_opened() {
    let mut guest = Attacker::new();
    for mode in [0o020_666, 0o060_666] {
        // The numbers of `/dev/null` and of the first disk.
        for device in [0x103, 0x800] {
            let body = [bytes(&[mode, device, 0, 0]), name(b"device")].concat();
            assert_eq!(guest.ask(op::MKNOD, ROOT, &body).0, EPERM);
        }
    }
    assert_eq!(
        guest
            .ask(
                op::MKNOD,
                ROOT,
                &[bytes(&[0o120_777, 0, 0, 0]), name(b"x")].concat()
            )
            .0,
        EINVAL
    );
    let null = rustix::fs::makedev(1, 3);
    let mode = Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(
        CWD,
        guest.share.join("null"),
        FileType::CharacterDevice,
        mode,
        null,
    )
    .unwrap();
    for (kind, made) in [(0o010_666, &b"pipe"[..]), (0o140_666, b"socket")] {
        assert_eq!(
            guest
                .ask(op::MKNOD, ROOT, &[bytes(&[kind, 0, 0, 0]), name(made)].concat())
                .0,
            0
        );
    }
    for special in [&b"null"[..], b"pipe", b"socket"] {
        let node = guest.find(ROOT, special).unwrap();
        // Opening a pipe would wait for its other end.
        for flags in [0, 1, READ_WRITE] {
            assert_eq!(guest.ask(op::OPEN, node, &bytes(&[flags, 0])).0, EACCES);
        }
        let (error, attributes) = guest.ask(op::GETATTR, node, &bytes(&[0, 0, 0, 0]));
        // No device number of the host gets to the guest.
        assert_eq!((error, &attributes[16 + 76..16 + 80]), (0, &[0; 4][..]));
    }
}

#[test]
fn link_swap_race_never_leads_outside() {
    let mut guest = Attacker::new();
    // `swap` is a folder and a link to the outside in turns, as fast as it goes.
    let (folder, link) = (guest.share.join("swap"), guest.share.join("other"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("canary"), "inside").unwrap();
    symlink(&guest.outside, &link).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let mut swaps = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                swaps += 1;
            }
            swaps
        });
        // A failure below must end the other thread too.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| race(&mut guest)));
        is_over.store(true, Ordering::Relaxed);
        let swaps = swapping.join().unwrap();
        let (folders, links) = result.unwrap();
        assert!(
            swaps > 1000 && folders > 100 && links > 100,
            "no race: {swaps} swaps, {folders} folders, {links} links"
        );
    });
}

/// Goes through `swap` again and again; how often it was a folder, and how often a link.
fn race(guest: &mut Attacker) -> (usize, usize) {
    let (mut folders, mut links) = (0, 0);
    const AT_ONCE: usize = 50;
    for _ in 0..ROUNDS / AT_ONCE {
        let lookups = vec![(op::LOOKUP, ROOT, name(b"swap")); AT_ONCE];
        let found: Vec<u64> = guest
            .ask_all(lookups)
            .iter()
            .map(|(error, body)| client::node(*error, body).unwrap())
            .collect();
        let steps = found.iter().flat_map(|node| {
            [
                (op::LOOKUP, *node, name(b"canary")),
                (op::CREATE, *node, [bytes(&CREATE), name(b"planted")].concat()),
                (op::UNLINK, *node, name(b"planted")),
            ]
        });
        let answers = guest.ask_all(steps.collect());
        let mut opens = Vec::new();
        for answers in answers.chunks(3) {
            match client::node(answers[0].0, &answers[0].1) {
                Ok(node) => {
                    folders += 1;
                    opens.push((op::OPEN, node, bytes(&[0, 0])));
                }
                Err(error) => {
                    links += 1;
                    assert_eq!(error, ENOTDIR);
                    assert_eq!((answers[1].0, answers[2].0), (ENOTDIR, ENOTDIR));
                }
            }
            if answers[1].0 == 0 {
                let fh = client::number(&answers[1].1[128..]);
                guest.ask(op::RELEASE, ROOT, &client::release(fh));
                guest.tell(op::FORGET, client::number(&answers[1].1), &bytes(&[1, 0]));
            }
        }
        let handles = guest.ask_all(opens.clone());
        let handles: Vec<u64> = handles
            .iter()
            .map(|(error, body)| {
                assert_eq!(*error, 0);
                client::number(body)
            })
            .collect();
        let reads = handles
            .iter()
            .map(|fh| (op::READ, ROOT, client::read(*fh, 0, 100)));
        for (error, body) in guest.ask_all(reads.collect()) {
            assert_eq!((error, &body[..]), (0, &b"inside"[..]));
        }
        guest.ask_all(
            handles
                .iter()
                .map(|fh| (op::RELEASE, ROOT, client::release(*fh)))
                .collect(),
        );
        for node in found.iter().chain(opens.iter().map(|(_, node, _)| node)) {
            guest.tell(op::FORGET, *node, &bytes(&[1, 0]));
        }
    }
    (folders, links)
}

#[test]
fn unlinked_file_is_never_opened_by_its_old_name() {
    let mut guest = Attacker::new();
    let node = guest.find(ROOT, b"inside").unwrap();
    fs::remove_file(guest.share.join("inside")).unwrap();
    symlink(guest.outside.join("canary"), guest.share.join("inside")).unwrap();
    let (error, body) = guest.ask(op::OPEN, node, &bytes(&[READ_WRITE, 0]));
    assert_eq!(error, 0);
    let fh = client::number(&body);
    assert_eq!(
        guest.ask(op::READ, node, &client::read(fh, 0, 100)),
        (0, b"within".to_vec())
    );
    assert_eq!(guest.ask(op::WRITE, node, &client::write(fh, 0, b"gone")).0, 0);
    let size = client::setattr(1 << 3, 0, 0);
    assert_eq!(guest.ask(op::SETATTR, node, &size).0, 0);
    // It has no name, and gets none.
    let again = [node.to_le_bytes().to_vec(), name(b"again")].concat();
    assert_eq!(guest.ask(op::LINK, ROOT, &again).0, ENOENT);
}

#[test]
fn numbers_that_were_never_given_are_refused() {
    let mut guest = Attacker::new();
    for node in [0, 2, 77, u64::MAX] {
        assert_eq!(guest.find(node, b"inside"), Err(ESTALE));
        assert_eq!(guest.ask(op::OPEN, node, &bytes(&[0, 0])).0, ESTALE);
        assert_eq!(
            guest
                .ask(
                    op::LINK,
                    ROOT,
                    &[node.to_le_bytes().to_vec(), name(b"l")].concat()
                )
                .0,
            ESTALE
        );
        guest.tell(op::FORGET, node, &bytes(&[u32::MAX, u32::MAX]));
    }
    let node = guest.find(ROOT, b"inside").unwrap();
    let fh = client::number(&guest.ask(op::OPEN, node, &bytes(&[0, 0])).1);
    let listing = client::number(&guest.ask(op::OPENDIR, ROOT, &bytes(&[0, 0])).1);
    assert_eq!(
        guest.ask(op::READ, node, &client::read(fh + 100, 0, 10)).0,
        ESTALE
    );
    assert_eq!(guest.ask(op::READ, node, &client::read(listing, 0, 10)).0, EISDIR);
    assert_eq!(
        guest.ask(op::READDIR, ROOT, &client::read(fh, 0, 4096)).0,
        ENOTDIR
    );
    assert_eq!(guest.ask(op::WRITE, node, &client::write(fh, 0, b"x")).0, EBADF);
    assert_eq!(
        guest.ask(op::READ, node, &client::read(fh, u64::MAX, 10)).0,
        EINVAL
    );
    assert_eq!(
        guest.ask(op::READ, node, &client::read(fh, 0, u32::MAX)).0,
        EINVAL
    );
    assert_eq!(guest.ask(op::RELEASE, node, &client::release(fh)).0, 0);
    assert_eq!(guest.ask(op::READ, node, &client::read(fh, 0, 10)).0, ESTALE);
    // Forgotten more often than found: gone, and the share's folder never is.
    guest.tell(op::FORGET, node, &bytes(&[u32::MAX, u32::MAX]));
    guest.tell(op::FORGET, ROOT, &bytes(&[u32::MAX, u32::MAX]));
    assert_eq!(guest.ask(op::GETATTR, node, &bytes(&[0; 4])).0, ESTALE);
    assert_eq!(guest.ask(op::GETATTR, ROOT, &bytes(&[0; 4])).0, 0);
}

#[test]
fn stored_owners_cannot_be_forged_and_privileges_stay_in_the_guest() {
    let mut guest = Attacker::new();
    let node = guest.find(ROOT, b"inside").unwrap();
    for forged in [&b"user.pinnace.stat"[..], b"user.pinnace.other"] {
        let body = [bytes(&[1, 0]), name(forged), b"1".to_vec()].concat();
        assert_eq!(guest.ask(op::SETXATTR, node, &body).0, EPERM);
    }
    for others in [
        &b"security.capability"[..],
        b"trusted.a",
        b"system.posix_acl_access",
        b"no-namespace",
    ] {
        let body = [bytes(&[1, 0]), name(others), b"1".to_vec()].concat();
        assert_eq!(guest.ask(op::SETXATTR, node, &body).0, EOPNOTSUPP);
    }
    assert_eq!(guest.ask(op::SETATTR, node, &client::setattr(1, 0o6777, 0)).0, 0);
    let body = [bytes(&[0o102, 0o106_755, 0, 0]), name(b"made")].concat();
    assert_eq!(guest.ask(op::CREATE, ROOT, &body).0, 0);
    for file in ["inside", "made"] {
        assert_eq!(
            fs::metadata(guest.share.join(file)).unwrap().permissions().mode() & 0o6000,
            0,
            "{file}"
        );
    }
}

#[test]
fn malformed_bodies_are_answered_and_unknown_requests_too() {
    let mut guest = Attacker::new();
    for opcode in 3..64 {
        // Notices have no answer, and these requests no body.
        if matches!(opcode, 36 | 42 | 38 | 5 | 17 | 27) {
            continue;
        }
        let (error, _) = guest.ask(opcode, ROOT, b"");
        assert!(matches!(error, EINVAL | ENOSYS), "{opcode}: {error}");
        // Whatever it means, it is answered.
        guest.ask(opcode, ROOT, &[0xff; 200]);
    }
    assert_eq!(guest.ask(4096, ROOT, b"").0, ENOSYS);
    assert_eq!(fs::read_dir(&guest.share).unwrap().count(), 1);
}

#[test]
fn length_that_none_can_have_ends_the_stream() {
    for length in [0_u32, 39, (1 << 20) + 4097, u32::MAX] {
        let guest = Attacker::new();
        let mut header = vec![0; 40];
        header[..4].copy_from_slice(&length.to_le_bytes());
        assert!(guest.ends_with(&header).is_err(), "{length}");
    }
}

#[test]
fn session_goes_on_over_another_stream() {
    let mut guest = Attacker::new();
    let node = guest.find(ROOT, b"inside").unwrap();
    let fh = client::number(&guest.ask(op::OPEN, node, &bytes(&[0, 0])).1);
    guest.reconnect();
    assert_eq!(
        guest.ask(op::READ, node, &client::read(fh, 0, 100)),
        (0, b"within".to_vec())
    );
}

#[test]
fn interrupt_ends_the_wait_for_a_lock() {
    let mut guest = Attacker::new();
    let node = guest.find(ROOT, b"inside").unwrap();
    let held = fs::File::options()
        .read(true)
        .write(true)
        .open(guest.share.join("inside"))
        .unwrap();
    held.lock().unwrap();
    let whole = client::lock(9, 1, true);
    let unique = guest.tell(op::SETLKW, node, &whole);
    // Another request is answered meanwhile, so the first one waits or is about to.
    assert!(guest.find(ROOT, b"inside").is_ok());
    guest.tell(op::INTERRUPT, 0, &unique.to_le_bytes());
    assert_eq!(guest.answer_to(unique).0, EINTR);
}

#[test]
fn hard_link_is_inside_and_only_of_what_was_found_inside() {
    let mut guest = Attacker::new();
    let node = guest.find(ROOT, b"inside").unwrap();
    assert_eq!(
        guest
            .ask(
                op::LINK,
                ROOT,
                &[node.to_le_bytes().to_vec(), name(b"second")].concat()
            )
            .0,
        0
    );
    let (first, second) = (
        fs::metadata(guest.share.join("inside")),
        fs::metadata(guest.share.join("second")),
    );
    assert_eq!(first.unwrap().ino(), second.unwrap().ino());
    assert_eq!(
        guest
            .ask(
                op::LINK,
                ROOT,
                &[ROOT.to_le_bytes().to_vec(), name(b"loop")].concat()
            )
            .0,
        EPERM
    );
}
