//! Prints what the kernel tells of files, a line for each event: the path that is watched, the event, the name in it; a
//! move also has the number that both of its ends share.
//!
//! ```text
//!   ready
//!   /src CREATE new
//!   /src MOVED_FROM new #7
//!   /src/sub MOVED_TO moved #7
//!   /src/file MODIFY
//! ```

use std::{
    collections::HashMap,
    ffi::OsString,
    io::{self, Write},
    mem::MaybeUninit,
};

use anyhow::{Context, Result};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

const EVENTS: [(ReadFlags, &str); 10] = [
    (ReadFlags::CREATE, "CREATE"),
    (ReadFlags::MODIFY, "MODIFY"),
    (ReadFlags::CLOSE_WRITE, "CLOSE_WRITE"),
    (ReadFlags::ATTRIB, "ATTRIB"),
    (ReadFlags::DELETE, "DELETE"),
    (ReadFlags::DELETE_SELF, "DELETE_SELF"),
    (ReadFlags::MOVED_FROM, "MOVED_FROM"),
    (ReadFlags::MOVED_TO, "MOVED_TO"),
    (ReadFlags::MOVE_SELF, "MOVE_SELF"),
    (ReadFlags::QUEUE_OVERFLOW, "QUEUE_OVERFLOW"),
];

pub fn watch(paths: impl Iterator<Item = OsString>) -> Result<()> {
    let queue = inotify::init(CreateFlags::CLOEXEC)?;
    let wanted = WatchFlags::CREATE
        | WatchFlags::MODIFY
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVE_SELF;
    let mut watched = HashMap::new();
    for path in paths {
        let number = inotify::add_watch(&queue, &path, wanted)
            .with_context(|| format!("failed to watch {}", path.display()))?;
        watched.insert(number, path.to_string_lossy().into_owned());
    }
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    let mut room = [MaybeUninit::uninit(); 4096];
    let mut reader = Reader::new(queue, &mut room);
    loop {
        let event = reader.next()?;
        let at = watched.get(&event.wd()).map_or("?", String::as_str);
        let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.map_or_else(String::new, |name| format!(" {name}"));
        let cookie = match event.cookie() {
            0 => String::new(),
            number => format!(" #{number}"),
        };
        for (flag, word) in EVENTS {
            if event.events().contains(flag) {
                writeln!(out, "{at} {word}{name}{cookie}")?;
            }
        }
        out.flush()?;
    }
}
