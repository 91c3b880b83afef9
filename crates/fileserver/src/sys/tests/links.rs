//! Links and special files: data, and never followed.

use std::{io, path::Path};

use super::{Folder, name};
use crate::{Errno, Kind, Volume};

/// A link of the host's own programs to a folder. Windows lets everybody make those that it calls junctions.
fn link_to_folder(target: &Path, link: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(target, link);
    #[cfg(windows)]
    {
        let made = std::process::Command::new("cmd")
            .args(["/c", "mklink", "/J"])
            .args([link, target])
            .output()?;
        if made.status.success() {
            Ok(())
        } else {
            Err(io::Error::other(
                String::from_utf8_lossy(&made.stderr).into_owned(),
            ))
        }
    }
}

#[test]
fn make_link_target_comes_back_as_written() {
    let folder = Folder::new();
    for (text, target) in [
        ("relative", &b"../x/y"[..]),
        ("absolute", b"/etc/passwd"),
        ("bytes", b"\xc3\xa9 "),
    ] {
        let made = folder
            .volume
            .make_link(&folder.root, &name(text), target)
            .unwrap();
        assert_eq!(made.metadata.kind, Kind::Link);
        let found = folder.find(text);
        assert_eq!(
            (found.metadata.kind, found.metadata.size),
            (Kind::Link, target.len() as u64)
        );
        assert_eq!(folder.volume.read_link(&found.node), Ok(target.to_vec()));
        folder.volume.remove(&folder.root, &name(text)).unwrap();
    }
}

#[test]
fn make_link_to_a_folder_is_removed_alone() {
    let folder = Folder::new();
    let target = folder.folder("target");
    folder.file_in(&target, "a", b"x");
    folder
        .volume
        .make_link(&folder.root, &name("link"), b"target")
        .unwrap();
    folder.volume.remove(&folder.root, &name("link")).unwrap();
    assert!(folder.volume.find(&target, &name("a")).is_ok());
}

#[test]
fn find_link_that_leads_out_is_a_link_and_leads_nowhere() {
    let folder = Folder::new();
    let outside = tempfile::TempDir::new().unwrap();
    std::fs::write(outside.path().join("secret"), b"s").unwrap();
    link_to_folder(outside.path(), &folder.host.path().join("link")).unwrap();
    let found = folder.find("link");
    assert_eq!(found.metadata.kind, Kind::Link);
    assert!(!folder.volume.read_link(&found.node).unwrap().is_empty());
    assert!(folder.volume.find(&found.node, &name("secret")).is_err());
    assert!(folder.volume.open_folder(&found.node).is_err());
    let made = folder.volume.make_folder(&found.node, &name("intruder"), 0o755);
    assert!(made.is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    // The link goes, and nothing behind it.
    folder.volume.remove(&folder.root, &name("link")).unwrap();
    assert!(outside.path().join("secret").exists());
}

#[test]
fn read_link_of_a_file_is_refused() {
    let folder = Folder::new();
    let (node, _) = folder.file("a", b"x");
    assert!(folder.volume.read_link(&node).is_err());
}

#[test]
fn make_special_pipes_are_found_and_devices_refused() {
    let folder = Folder::new();
    let volume = &folder.volume;
    let made = volume.make_special(&folder.root, &name("pipe"), Kind::Pipe, 0o644);
    if cfg!(target_os = "macos") {
        // It has no call for it that is safe here.
        assert_eq!(made.map(|found| found.metadata), Err(Errno::OPNOTSUPP));
    } else {
        assert_eq!(made.unwrap().metadata.kind, Kind::Pipe);
        assert_eq!(folder.find("pipe").metadata.kind, Kind::Pipe);
    }
    let device = volume.make_special(&folder.root, &name("device"), Kind::BlockDevice, 0o644);
    assert_eq!(device.map(|found| found.metadata), Err(Errno::PERM));
}
