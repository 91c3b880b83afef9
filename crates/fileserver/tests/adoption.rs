//! Another server takes a share over, while the guest's kernel goes on with its mount.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "mount namespaces have no safe face")]

#[path = "attack/client.rs"]
mod client;
#[path = "guest/mod.rs"]
#[expect(dead_code, reason = "each program of tests uses a part")]
mod guest;
#[path = "adoption/relay.rs"]
mod relay;

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
};

use client::{Attacker, bytes, name};
use fileserver::{CacheTimes, ShareOptions, path_names};
use guest::{Guest, enter_namespace, until, writable};
use relay::Relay;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};

const ROOT: u64 = 1;
const ESTALE: i32 = -116;
const GETATTR: u32 = 3;
const ADOPT: u32 = 0x5000;

fn caching() -> ShareOptions {
    ShareOptions {
        cache: CacheTimes::WATCHED,
        ..writable()
    }
}

#[test]
fn new_server_bind_mount_and_paths_go_on_and_open_files_are_stale() {
    enter_namespace();
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host");
    fs::create_dir_all(host.join("src/app/deep")).unwrap();
    fs::write(host.join("src/app/file"), "one").unwrap();
    fs::create_dir(host.join("left")).unwrap();
    fs::write(host.join("left/file"), "one").unwrap();
    let (bind, left) = (folder.path().join("bind"), folder.path().join("left"));
    for point in [&bind, &left] {
        fs::create_dir(point).unwrap();
    }
    let (mut relay, lane) = Relay::new(&host, caching());
    let guest = Guest::over(lane, folder);
    mount_bind(guest.point.join("src/app"), &bind).unwrap();
    mount_bind(guest.point.join("left"), &left).unwrap();
    assert_eq!(fs::read_to_string(bind.join("file")).unwrap(), "one");
    assert_eq!(
        fs::read_to_string(guest.point.join("src/app/file")).unwrap(),
        "one"
    );
    assert!(!bind.join("new").exists());
    let mut open = File::options().append(true).open(bind.join("file")).unwrap();

    let app = relay.node(&["src", "app"]);
    let server = relay.replace_server(&host, caching(), &[(app, "src/app")], || {
        fs::write(host.join("src/app/file"), "second").unwrap();
        fs::write(host.join("src/app/new"), "x").unwrap();
    });

    until("the edit is seen through the bind mount", || {
        fs::read_to_string(bind.join("file")).is_ok_and(|text| text == "second")
    });
    assert!(bind.join("new").exists() && bind.join("deep").is_dir());
    fs::write(bind.join("made"), "by the guest").unwrap();
    assert_eq!(
        fs::read_to_string(host.join("src/app/made")).unwrap(),
        "by the guest"
    );
    assert_eq!(
        fs::read_to_string(guest.point.join("src/app/file")).unwrap(),
        "second"
    );
    // What was open is lost, and never another file's.
    assert_eq!(
        open.write_all(b"x").unwrap_err().raw_os_error(),
        Some(libc::ESTALE)
    );
    drop(open);
    // What nobody adopted is lost where it is mounted, and found again by its path.
    assert_eq!(
        fs::read_to_string(left.join("file")).unwrap_err().raw_os_error(),
        Some(libc::ESTALE)
    );
    assert_eq!(fs::read_to_string(guest.point.join("left/file")).unwrap(), "one");
    // The new server tells of changes in what it adopted.
    fs::write(host.join("src/app/file"), "the third").unwrap();
    server.note_change(path_names(Path::new("src/app/file")).unwrap());
    until("the third edit is seen", || {
        fs::read_to_string(bind.join("file")).is_ok_and(|text| text == "the third")
    });
    for point in [&bind, &left] {
        unmount(point, UnmountFlags::DETACH).unwrap();
    }
    assert_eq!(
        fs::read_to_string(host.join("src/app/file")).unwrap(),
        "the third"
    );
}

#[test]
fn new_server_adopted_mount_point_keeps_its_volume_when_names_do_not_expire() {
    enter_namespace();
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host");
    fs::create_dir_all(host.join("src/node_modules")).unwrap();
    fs::write(host.join("src/file"), "one").unwrap();
    let bind = folder.path().join("bind");
    fs::create_dir(&bind).unwrap();
    let (mut relay, lane) = Relay::new(&host, caching());
    relay.keep_names();
    let guest = Guest::over(lane, folder);
    mount_bind(guest.point.join("src"), &bind).unwrap();
    let volume = bind.join("node_modules");
    mount("tmpfs", &volume, "tmpfs", MountFlags::empty(), None).unwrap();
    fs::write(volume.join("module"), "in the volume").unwrap();
    assert_eq!(fs::read_to_string(bind.join("file")).unwrap(), "one");

    let nodes = [
        (relay.node(&["src", "node_modules"]), "src/node_modules"),
        (relay.node(&["src"]), "src"),
    ];
    relay.replace_server(&host, caching(), &nodes, || {
        fs::write(host.join("src/file"), "second").unwrap();
    });

    // Opening asks the server, which does not know the number; the kernel then asks for the name.
    assert_eq!(fs::read_to_string(bind.join("file")).unwrap(), "second");
    assert_eq!(fs::read_dir(&bind).unwrap().count(), 2);
    assert_eq!(
        fs::read_to_string(volume.join("module")).unwrap(),
        "in the volume"
    );
    unmount(&volume, UnmountFlags::DETACH).unwrap();
    unmount(&bind, UnmountFlags::DETACH).unwrap();
}

#[test]
fn adopt_what_is_gone_hidden_or_a_link_stays_unknown() {
    let mut guest = Attacker::with(ShareOptions {
        hidden: vec![path_names(Path::new("d/secret")).unwrap()],
        ..writable()
    });
    fs::create_dir_all(guest.share.join("d/secret/in")).unwrap();
    symlink(&guest.outside, guest.share.join("link")).unwrap();
    let mut adopt = |number: u64, path: &[u8]| {
        guest.tell(ADOPT, number, path);
        guest.ask(GETATTR, number, &[0; 16]).0
    };
    assert_eq!(adopt(1 << 40, b"d"), 0);
    assert_eq!(adopt((1 << 40) + 1, b"inside"), 0);
    for (number, path) in [
        &b"gone"[..],
        b"d\0gone",
        b"link",
        b"link\0canary",
        b"inside\0x",
        b"d\0secret",
        b"d\0secret\0in",
        b"..",
        b"d\0",
        b"",
        &b"d\0".repeat(300)[..],
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            adopt((1 << 41) + number as u64, path),
            ESTALE,
            "{}",
            path.escape_ascii()
        );
    }
    // A number in use goes on meaning what it meant.
    assert_eq!(adopt(1 << 40, b"inside"), 0);
    let (error, _) = guest.ask(1, 1 << 40, &name(b"nothing"));
    assert_eq!(error, -libc::ENOENT);
    // The share's own folder is adopted by nature.
    guest.tell(ADOPT, ROOT, b"d");
    assert!(guest.find(ROOT, b"inside").is_ok());
    // Looked up, it has the number that the kernel knows it by; forgotten, it is gone.
    assert_eq!(guest.find(ROOT, b"d"), Ok(1 << 40));
    guest.tell(2, 1 << 40, &9_u64.to_le_bytes());
    assert_eq!(guest.ask(GETATTR, 1 << 40, &[0; 16]).0, ESTALE);
}

#[test]
fn unknown_numbers_are_stale_and_giving_them_back_succeeds() {
    let mut guest = Attacker::new();
    let inside = guest.find(ROOT, b"inside").unwrap();
    for handle in [1, 2, 7, 1 << 40] {
        assert_eq!(guest.ask(15, inside, &client::read(handle, 0, 10)).0, ESTALE);
        assert_eq!(guest.ask(28, ROOT, &client::read(handle, 0, 4096)).0, ESTALE);
        for release in [18, 29] {
            assert_eq!(guest.ask(release, 99, &client::release(handle)).0, 0);
        }
    }
    guest.tell(2, 99, &1_u64.to_le_bytes());
    assert_eq!(guest.ask(14, 99, &bytes(&[0, 0])).0, ESTALE);
    assert_eq!(guest.find(99, b"x"), Err(ESTALE));
    assert_eq!(guest.find(ROOT, b"inside"), Ok(inside));
}

#[test]
fn init_names_of_an_earlier_server_expire_where_the_kernel_can() {
    for (minor, expected) in [(45_u32, 2), (44, 2), (43, 1)] {
        let mut guest = Attacker::new();
        assert_eq!(guest.ask(26, 0, &bytes(&[7, minor, 1 << 17, u32::MAX])).0, 0);
        guest.find(ROOT, b"inside").unwrap();
        // What is told last is told behind it.
        guest
            .server()
            .note_change(path_names(Path::new("inside")).unwrap());
        guest.until_told(|(code, body)| *code == 2 && client::number(body) == ROOT);
        let expired = guest.notifications.iter().filter(|(code, _)| *code == 8).count();
        // One belongs to the client's own INIT, of minor 45.
        assert_eq!(expired, expected, "{minor}");
    }
}

#[test]
fn lost_stream_names_that_were_told_are_told_again() {
    let mut guest = Attacker::with(caching());
    let inside = guest.find(ROOT, b"inside").unwrap();
    fs::remove_file(guest.share.join("inside")).unwrap();
    let is_entry = |(code, body): &client::Answer| *code == 3 && body.ends_with(b"inside\0");
    guest
        .server()
        .note_change(path_names(Path::new("inside")).unwrap());
    guest.until_told(is_entry);
    // The last of them: a server in the middle of a write would see the stream fail.
    guest.until_told(|(code, body)| *code == 2 && client::number(body) == inside);
    // As if that had been lost with the stream.
    guest.notifications.clear();
    guest.reconnect();
    guest.until_told(is_entry);
}
