//! Changes on the host, heard by inotify in the guest: the guest agent's own replayer on a real FUSE mount.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "mount namespaces have no safe face")]

#[path = "guest/mod.rs"]
mod guest;
#[path = "replay/many.rs"]
mod many;
#[path = "replay/own.rs"]
mod own;
#[path = "../../../guest-agent/src/share/replay.rs"]
mod replayer;
#[path = "replay/single.rs"]
mod single;
#[path = "replay/watcher.rs"]
mod watcher;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use fileserver::{HostFolder, Watch};
use guest::{Guest, writable};
use rustix::fs::{Mode, OFlags};

/// A share that is watched, and replayed in the guest.
pub struct Replayed {
    _watch: Watch<HostFolder>,
    pub guest: Guest,
}

impl Replayed {
    pub fn prepared(prepare: impl FnOnce(&Path)) -> Self {
        let guest = Guest::prepared(writable(), prepare);
        let watch = Watch::start(guest.server(), &guest.host).unwrap();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&guest.point, flags, Mode::empty()).unwrap();
        let wire = Arc::clone(&guest.wire);
        let replayer = replayer::Replayer::start(root, move |number, errno| {
            let _ = wire.send(&message(0x5002, number, 0, &errno.unsigned_abs().to_le_bytes()));
        });
        guest
            .wire
            .send(&message(0x5001, 0, replayer.thread_id(), &[]))
            .unwrap();
        *guest.wire.replay.lock().unwrap() = Some(Box::new(move |body| replayer.replay(body)));
        // Answered, so the server has read what was sent before.
        fs::read_dir(&guest.point).unwrap().for_each(drop);
        Self { _watch: watch, guest }
    }
}

/// A message of the guest agent's own.
pub fn message(opcode: u32, node: u64, thread: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(40 + body.len()).unwrap();
    let mut message = length.to_le_bytes().to_vec();
    message.extend(opcode.to_le_bytes());
    message.extend(0_u64.to_le_bytes());
    message.extend(node.to_le_bytes());
    message.extend([0; 8]);
    message.extend(thread.to_le_bytes());
    message.extend([0; 4]);
    message.extend(body);
    message
}

/// Everything below a folder that a replay could spoil.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = metadata.is_file().then(|| fs::read(&path).unwrap());
            let state = (
                metadata.ino(),
                metadata.mode(),
                metadata.mtime_nsec(),
                metadata.ctime_nsec(),
            );
            found.insert(path.clone(), format!("{state:?} {content:?}"));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}
