//! Owners and modes: what the guest sets it reads back, and on the host all belongs to the host user.

use std::{
    env, fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink},
        net::UnixStream,
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

use fileserver::{FileServer, HostFolder, Owner, ShareOptions};
use rustix::io::Errno;

use crate::guest::{Guest, enter_namespace, writable};

/// Nobody: a host user without any rights.
const HOST_USER: u32 = 65_534;
const SHARE_VARIABLE: &str = "PINNACE_TEST_SHARE";

fn owner(path: &Path) -> (u32, u32, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn chown_and_set_user_id_are_read_back_and_do_not_reach_the_host() {
    let guest = Guest::new();
    let (path, there) = (guest.point.join("f"), guest.host.join("f"));
    fs::write(&path, "x").unwrap();
    chown(&path, Some(70), Some(71)).unwrap();
    set_mode(&path, 0o6750);
    assert_eq!(owner(&path), (70, 71, 0o6750));
    assert_eq!(owner(&there), (0, 0, 0o750));
    let mut buffer = [0; 100];
    assert_eq!(
        rustix::fs::getxattr(&path, "user.pinnace.stat", &mut buffer[..]),
        Err(Errno::NODATA)
    );
    assert_eq!(rustix::fs::listxattr(&path, &mut buffer[..]), Ok(0));
}

#[test]
fn chown_survives_a_new_mount_and_the_hosts_chmod_wins() {
    let guest = Guest::new();
    fs::write(guest.point.join("f"), "x").unwrap();
    chown(guest.point.join("f"), Some(70), Some(71)).unwrap();
    set_mode(&guest.point.join("f"), 0o4700);
    let host = guest.host.clone();
    let again = Guest::prepared(writable(), |folder| {
        fs::rename(host.join("f"), folder.join("f")).unwrap();
        fs::copy(folder.join("f"), folder.join("plain")).unwrap();
    });
    assert_eq!(owner(&again.point.join("f")), (70, 71, 0o4700));
    set_mode(&again.host.join("plain"), 0o604);
    assert_eq!(owner(&again.point.join("plain")), (0, 0, 0o604));
    let other = Guest::prepared(writable(), |folder| {
        fs::rename(again.host.join("f"), folder.join("f")).unwrap();
        set_mode(&folder.join("f"), 0o644);
    });
    assert_eq!(owner(&other.point.join("f")), (70, 71, 0o644));
}

#[test]
fn new_file_belongs_to_its_maker_in_the_guest_and_to_the_host_user_outside() {
    let guest = Guest::new();
    set_mode(&guest.point, 0o2777);
    chown(&guest.point, None, Some(44)).unwrap();
    set_mode(&guest.point, 0o2777);
    let made = Command::new("sh")
        .args([
            "-c",
            "umask 077; echo x > f && cat f && mkdir d && echo y > d/g && cat d/g",
        ])
        .current_dir(&guest.point)
        .uid(1000)
        .gid(1000)
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(owner(&guest.point.join("f")), (1000, 44, 0o600));
    assert_eq!(owner(&guest.point.join("d")), (1000, 44, 0o2700));
    assert_eq!(owner(&guest.host.join("f")), (0, 0, 0o600));
    assert_eq!(owner(&guest.host.join("d")), (0, 0, 0o700));
}

#[test]
fn writing_by_another_takes_set_user_id_away() {
    let guest = Guest::new();
    let path = guest.point.join("f");
    fs::write(&path, "x").unwrap();
    set_mode(&path, 0o4777);
    let write = Command::new("sh")
        .arg("-c")
        .arg(format!("echo y >> {}", path.display()))
        .uid(1000)
        .gid(1000)
        .status();
    assert!(write.unwrap().success());
    let again = guest.host.clone();
    let fresh = Guest::prepared(writable(), |folder| {
        fs::rename(again.join("f"), folder.join("f")).unwrap()
    });
    assert_eq!(owner(&fresh.point.join("f")), (0, 0, 0o777));
}

#[test]
fn share_without_stored_owners_belongs_to_whom_the_options_say() {
    let guest = Guest::prepared(
        ShareOptions {
            owner: Owner { uid: 500, gid: 501 },
            ..writable()
        },
        |folder| {
            fs::write(folder.join("f"), "x").unwrap();
            set_mode(&folder.join("f"), 0o4755);
        },
    );
    assert_eq!(owner(&guest.point.join("f")), (500, 501, 0o755));
}

#[test]
fn server_of_an_ordinary_user_keeps_what_root_in_the_guest_sets() {
    enter_namespace();
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    let host = folder.path().join("host");
    fs::create_dir(&host).unwrap();
    chown(&host, Some(HOST_USER), Some(HOST_USER)).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut server = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "ownership::serve_for_another_test"])
        .env(SHARE_VARIABLE, &host)
        .uid(HOST_USER)
        .gid(HOST_USER)
        .stdin(std::os::fd::OwnedFd::from(theirs))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let guest = Guest::over(ours, folder);
    let at = |name: &str| guest.point.join(name);
    fs::write(at("f"), "x").unwrap();
    chown(at("f"), Some(70), Some(71)).unwrap();
    set_mode(&at("f"), 0o4444);
    assert_eq!(owner(&at("f")), (70, 71, 0o4444));
    assert_eq!(owner(&host.join("f")), (HOST_USER, HOST_USER, 0o444));
    // Read-only on the host by now, and still root in the guest can change its owner, and read it without any right.
    chown(at("f"), Some(80), Some(81)).unwrap();
    set_mode(&at("f"), 0);
    assert_eq!(owner(&at("f")), (80, 81, 0));
    assert_eq!(fs::read(at("f")).unwrap(), b"x");
    symlink("f", at("link")).unwrap();
    lchown(at("link"), Some(9), Some(9)).unwrap();
    fs::create_dir(at("d")).unwrap();
    chown(at("d"), Some(9), Some(9)).unwrap();
    set_mode(&at("d"), 0o500);
    // No right of its own keeps root out, though on the host it is nobody's root.
    fs::write(at("d/in"), "y").unwrap();
    assert_eq!(owner(&at("d")), (9, 9, 0o500));
    assert_eq!(owner(&host.join("d/in")), (HOST_USER, HOST_USER, 0o644));
    drop(guest);
    assert!(server.wait().unwrap().success());
}

/// The other end of the test above, in a process of another user.
#[test]
#[ignore = "serves the test that starts it"]
fn serve_for_another_test() {
    let share = env::var_os(SHARE_VARIABLE).unwrap();
    let stream = rustix::io::dup(std::io::stdin()).map(UnixStream::from).unwrap();
    stream.set_nonblocking(true).unwrap();
    let server = FileServer::new(HostFolder::open(Path::new(&share)).unwrap(), writable()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(async {
            server
                .serve(tokio::net::UnixStream::from_std(stream).unwrap())
                .await
        })
        .unwrap();
}
