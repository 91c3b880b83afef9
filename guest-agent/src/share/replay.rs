//! Changes on the host, done again on the share's mount so that inotify in containers tells of them.
//!
//! ```text
//!   REPLAY ─► queue ─► the replayer thread ── mknodat, unlinkat, .. ──► kernel ─┬─► inotify in containers
//!                          │ number, errno                                     └─► the server: "yes, done"
//!                          └─► done
//! ```
//!
//! The server knows the thread by its id and answers without touching the host. What the thread does is therefore chosen
//! for the events that the kernel makes of it, and for nothing else.

use std::{
    collections::VecDeque,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use rustix::{
    fs::{
        self, AtFlags, FallocateFlags, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_NOW,
    },
    io::Errno,
};

/// Replays that wait; beyond them the oldest are dropped.
const QUEUED: usize = 1024;
/// Folders on the way to what changed. Linux's `PATH_MAX` has room for no more.
const MOST_NAMES: usize = 2048;
/// What is opened in passing.
const PASSING: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW);

/// The thread that replays changes of one share.
#[derive(Debug)]
pub struct Replayer {
    thread: u32,
    queue: Arc<Queue>,
}

impl Replayer {
    /// Starts the thread. `root`: an `O_PATH` descriptor of the share's root. `done` is told each replay's number, and 0
    /// or an errno.
    pub fn start(root: OwnedFd, done: impl Fn(u64, i32) + Send + 'static) -> Self {
        let queue = Arc::new(Queue::default());
        let queued = Arc::clone(&queue);
        let (tell, told) = mpsc::channel();
        let started = thread::Builder::new().name("replayer".to_owned()).spawn(move || {
            let _ = tell.send(rustix::thread::gettid());
            while let Some(next) = queued.take() {
                match next {
                    Next::Dropped(number) => done(number, libc::ECANCELED),
                    Next::Body(body) => {
                        if let Some(number) = number(&body) {
                            let result = Replay::decode(&body)
                                .ok_or(Errno::INVAL)
                                .and_then(|replay| replay.perform(root.as_fd()));
                            done(number, result.err().map_or(0, Errno::raw_os_error));
                        }
                    }
                }
            }
        });
        let thread = match started {
            Ok(_) => told
                .recv()
                .map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs()),
            Err(_) => 0,
        };
        Self { thread, queue }
    }

    /// The thread's id, as the requests of it show. 0 when it could not be started.
    pub fn thread_id(&self) -> u32 {
        self.thread
    }

    /// Adds a replay. Never waits.
    pub fn replay(&self, body: Vec<u8>) {
        self.queue.add(body);
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    bodies: VecDeque<Vec<u8>>,
    /// Numbers of what was dropped, to be told.
    dropped: VecDeque<u64>,
    is_closed: bool,
}

enum Next {
    Body(Vec<u8>),
    Dropped(u64),
}

impl Queue {
    fn add(&self, body: Vec<u8>) {
        let mut state = self.state();
        if state.bodies.len() >= QUEUED
            && let Some(oldest) = state.bodies.pop_front()
        {
            tracing::warn!("change of the host not replayed: too many");
            if state.dropped.len() < QUEUED {
                state.dropped.extend(number(&oldest));
            }
        }
        state.bodies.push_back(body);
        self.news.notify_one();
    }

    /// Waits for the next, or for the end.
    fn take(&self) -> Option<Next> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(number) = state.dropped.pop_front() {
                return Some(Next::Dropped(number));
            }
            if let Some(body) = state.bodies.pop_front() {
                return Some(Next::Body(body));
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        self.state().is_closed = true;
        self.news.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(body: &[u8]) -> Option<u64> {
    body.first_chunk().map(|number| u64::from_le_bytes(*number))
}

/// One change, by names from the share's root on; never empty.
#[derive(Debug, PartialEq, Eq)]
enum Replay<'a> {
    /// A file, or whatever is no folder: for inotify they are the same.
    Created(Vec<&'a [u8]>),
    CreatedFolder(Vec<&'a [u8]>),
    Modified(Vec<&'a [u8]>),
    Attributes(Vec<&'a [u8]>),
    Removed(Vec<&'a [u8]>),
    RemovedFolder(Vec<&'a [u8]>),
    Renamed {
        from: Vec<&'a [u8]>,
        to: Vec<&'a [u8]>,
        is_folder: bool,
    },
}

impl<'a> Replay<'a> {
    /// Decodes a body: number u64, kind u32, flags u32, then each path as u16 bytes of names with a NUL between each two.
    /// All little-endian. Flag 1: what is renamed is a folder. None for what is none of it.
    fn decode(body: &'a [u8]) -> Option<Self> {
        let kind = u32::from_le_bytes(*body.get(8..12)?.first_chunk()?);
        let flags = u32::from_le_bytes(*body.get(12..16)?.first_chunk()?);
        let (path, rest) = path(body.get(16..)?)?;
        Some(match kind {
            1 | 8 => Self::Created(path),
            2 => Self::CreatedFolder(path),
            3 => Self::Modified(path),
            4 => Self::Attributes(path),
            5 => Self::Removed(path),
            6 => Self::RemovedFolder(path),
            7 => Self::Renamed {
                from: path,
                to: self::path(rest)?.0,
                is_folder: flags & 1 != 0,
            },
            _ => return None,
        })
    }

    fn perform(&self, root: BorrowedFd<'_>) -> Result<(), Errno> {
        match self {
            // Not `open`: that would tell of an opening and a closing too.
            Self::Created(path) => {
                let (folder, name) = walk(root, path)?;
                fs::mknodat(&folder, name, FileType::RegularFile, Mode::RUSR | Mode::WUSR, 0)
            }
            Self::CreatedFolder(path) => {
                let (folder, name) = walk(root, path)?;
                fs::mkdirat(&folder, name, Mode::RWXU)
            }
            Self::Modified(path) => {
                let (folder, name) = walk(root, path)?;
                // A pipe without a reader refuses instead of waiting.
                let flags = PASSING | OFlags::WRONLY | OFlags::NONBLOCK;
                let file = fs::openat(&folder, name, flags, Mode::empty())?;
                // Says that the file was written, and leaves its size and pages as they are.
                fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, 1)
            }
            Self::Attributes(path) => {
                let (folder, name) = walk(root, path)?;
                let now = Timespec {
                    tv_sec: 0,
                    tv_nsec: UTIME_NOW,
                };
                let times = Timestamps {
                    last_access: now,
                    last_modification: now,
                };
                fs::utimensat(&folder, name, &times, AtFlags::SYMLINK_NOFOLLOW)
            }
            Self::Removed(path) => {
                let (folder, name) = walk(root, path)?;
                fs::unlinkat(&folder, name, AtFlags::empty())
            }
            Self::RemovedFolder(path) => {
                let (folder, name) = walk(root, path)?;
                fs::unlinkat(&folder, name, AtFlags::REMOVEDIR)
            }
            Self::Renamed { from, to, is_folder } => {
                let (from, name) = walk(root, from)?;
                let (to, new_name) = walk(root, to)?;
                // A folder that is already seen there would be dead for ever after.
                let flags = if *is_folder {
                    RenameFlags::NOREPLACE
                } else {
                    RenameFlags::empty()
                };
                fs::renameat_with(&from, name, &to, new_name, flags)
            }
        }
    }
}

/// Opens the folder that the last name is in. A link on the way is no folder.
fn walk<'a>(root: BorrowedFd<'_>, path: &[&'a [u8]]) -> Result<(OwnedFd, &'a [u8]), Errno> {
    let (name, folders) = path.split_last().ok_or(Errno::INVAL)?;
    let flags = PASSING | OFlags::PATH | OFlags::DIRECTORY;
    let mut folder = root.try_clone_to_owned().map_err(|_| Errno::MFILE)?;
    for name in folders {
        folder = fs::openat(&folder, *name, flags, Mode::empty())?;
    }
    Ok((folder, name))
}

/// Takes a path off the front. None where a name could lead out of its folder.
fn path(bytes: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (path, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    let names: Vec<&[u8]> = path.split(|byte| *byte == 0).take(MOST_NAMES + 1).collect();
    let is_name = |name: &&[u8]| {
        (1..=255).contains(&name.len()) && !matches!(*name, b"." | b"..") && !name.contains(&b'/')
    };
    (names.len() <= MOST_NAMES && names.iter().all(is_name)).then_some((names, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: u32, flags: u32, paths: &[&[u8]]) -> Vec<u8> {
        let mut body = 7_u64.to_le_bytes().to_vec();
        body.extend(kind.to_le_bytes());
        body.extend(flags.to_le_bytes());
        for path in paths {
            body.extend(u16::try_from(path.len()).unwrap().to_le_bytes());
            body.extend(*path);
        }
        body
    }

    #[test]
    fn decode_rename_has_two_paths() {
        let whole = body(7, 1, &[b"a\0b", b"c"]);
        let expected = Replay::Renamed {
            from: vec![b"a", b"b"],
            to: vec![b"c"],
            is_folder: true,
        };
        assert_eq!(Replay::decode(&whole), Some(expected));
        for length in 0..whole.len() {
            assert_eq!(Replay::decode(&whole[..length]), None, "{length}");
        }
    }

    #[test]
    fn decode_names_that_could_leave_the_share_are_refused() {
        for bad in [
            &b""[..],
            b".",
            b"..",
            b"a\0..",
            b"/etc",
            b"a/b",
            b"\0a",
            b"a\0",
            b"a\0\0b",
        ] {
            assert_eq!(
                Replay::decode(&body(1, 0, &[bad])),
                None,
                "{}",
                bad.escape_ascii()
            );
        }
        assert_eq!(Replay::decode(&body(1, 0, &[&b"n\0".repeat(5000)])), None);
        assert_eq!(Replay::decode(&body(9, 0, &[b"a"])), None);
    }

    #[test]
    fn replay_on_a_plain_folder_does_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::open(folder.path(), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let (tell, told) = mpsc::channel();
        let replayer = Replayer::start(root, move |number, errno| {
            let _ = tell.send((number, errno));
        });
        assert_ne!(replayer.thread_id(), 0);
        let perform = |body| {
            replayer.replay(body);
            told.recv().unwrap()
        };
        std::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
        assert_eq!(perform(body(2, 0, &[b"d"])), (7, 0));
        assert_eq!(perform(body(1, 0, &[b"d\0f"])), (7, 0));
        assert_eq!(perform(body(1, 0, &[b"d\0f"])), (7, libc::EEXIST));
        assert_eq!(perform(body(7, 0, &[b"d\0f", b"g"])), (7, 0));
        assert_eq!(perform(body(5, 0, &[b"link\0etc"])), (7, libc::ENOTDIR));
        assert_eq!(perform(body(77, 0, &[b"d"])), (7, libc::EINVAL));
        assert_eq!(perform(body(6, 0, &[b"d"])), (7, 0));
        assert!(folder.path().join("g").exists() && !folder.path().join("d").exists());
    }

    #[test]
    fn queue_too_many_the_oldest_are_dropped_and_told() {
        let queue = Queue::default();
        for number in 0..QUEUED as u64 + 2 {
            queue.add(number.to_le_bytes().to_vec());
        }
        assert!(matches!(queue.take(), Some(Next::Dropped(0))));
        assert!(matches!(queue.take(), Some(Next::Dropped(1))));
        assert!(matches!(queue.take(), Some(Next::Body(body)) if number(&body) == Some(2)));
        queue.close();
        assert!(queue.take().is_none());
    }
}
