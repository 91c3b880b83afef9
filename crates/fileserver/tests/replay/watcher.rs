//! A program that watches files.

use std::{
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

/// An event: of which watch, what, and which name in the watched folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub watch: usize,
    pub what: ReadFlags,
    pub name: String,
    pub cookie: u32,
}

pub struct Watcher {
    inotify: OwnedFd,
    watches: Vec<i32>,
    pub heard: Vec<Event>,
}

impl Watcher {
    /// Watches these for everything that is no reading; events have their places in this list.
    pub fn new(paths: &[&Path]) -> Self {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        let mut watches = Vec::new();
        for path in paths {
            let flags = WatchFlags::CREATE
                | WatchFlags::MODIFY
                | WatchFlags::ATTRIB
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::MOVE
                | WatchFlags::MOVE_SELF
                | WatchFlags::DELETE
                | WatchFlags::DELETE_SELF;
            watches.push(inotify::add_watch(&inotify, *path, flags).unwrap());
        }
        Self {
            inotify,
            watches,
            heard: Vec::new(),
        }
    }

    /// Reads what there is.
    pub fn listen(&mut self) {
        let mut buffer = vec![MaybeUninit::uninit(); 65_536];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    assert!(!event.events().contains(ReadFlags::QUEUE_OVERFLOW));
                    let watch = self.watches.iter().position(|watch| *watch == event.wd());
                    self.heard.push(Event {
                        watch: watch.unwrap(),
                        what: event.events(),
                        name: event
                            .file_name()
                            .map(|name| name.to_str().unwrap().to_owned())
                            .unwrap_or_default(),
                        cookie: event.cookie(),
                    });
                }
                Err(Errno::WOULDBLOCK) => return,
                Err(errno) => panic!("{errno}"),
            }
        }
    }

    /// Waits until all of these came, in this order among whatever else; forgets all that came until then.
    pub fn expect(&mut self, expected: &[(usize, ReadFlags, &str)]) -> Vec<Event> {
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut wanted = expected.iter().peekable();
        let mut seen = 0;
        loop {
            self.listen();
            while let Some((watch, what, name)) = wanted.peek()
                && let Some(event) = self.heard.get(seen)
            {
                seen += 1;
                if (event.watch, event.what, event.name.as_str()) == (*watch, *what, *name) {
                    wanted.next();
                }
            }
            if wanted.peek().is_none() {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "heard {:?} and not {expected:?}",
                self.heard
            );
            thread::sleep(Duration::from_millis(5));
        }
        let rest = self.heard.split_off(seen);
        std::mem::replace(&mut self.heard, rest)
    }
}
