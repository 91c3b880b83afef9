//! The threads at `/dev/fuse` of one share.
//!
//! ```text
//!   kernel ─► reads ─► desk              gives up what waits too long, too
//!   desk ───► answers ─► kernel
//!   server ─► notifications ─► kernel    a thread of its own: the kernel makes one wait for a request on the same
//!                           └─► replayer folder, whose answer may be behind it; a replay follows what came before it
//! ```
//! They end when the mount is gone. A blocked write may hold them until then, never the agent.

use std::{
    fs::File,
    io::{ErrorKind, Read as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

use super::{
    desk::{Answer, Desk},
    message::{self, FromServer},
    replay::Replayer,
};

/// A request with 1 MiB of data.
const BUFFER_BYTES: usize = (1 << 20) + 4096;
const STACK_BYTES: usize = 128 << 10;
/// More cannot be waiting: the server is told that they are lost, by the end of the stream.
const MAX_NOTIFICATIONS: usize = 1 << 16;

/// The way of notifications to the kernel.
pub struct Notifications {
    queue: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl Notifications {
    /// Hands one over. False: too many wait already.
    pub fn send(&self, message: Vec<u8>) -> bool {
        if self.waiting.load(Ordering::Relaxed) >= MAX_NOTIFICATIONS {
            return false;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Fails only when the mount is gone.
        let _ = self.queue.send(message);
        true
    }
}

/// Starts the threads. `fuse` is mounted and does not block.
pub fn start(
    fuse: File,
    desk: &Arc<Desk>,
    answers: mpsc::UnboundedReceiver<Answer>,
    replayer: Replayer,
) -> anyhow::Result<Notifications> {
    let fuse = Arc::new(fuse);
    let (queue, notified) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    spawn("share answers", {
        let fuse = Arc::clone(&fuse);
        move || write_answers(&fuse, answers)
    })?;
    spawn("share notices", {
        let (fuse, waiting) = (Arc::clone(&fuse), Arc::clone(&waiting));
        move || write_notifications(&fuse, notified, &waiting, &replayer)
    })?;
    spawn("share requests", {
        let desk = Arc::clone(desk);
        move || {
            read(&fuse, &desk);
            desk.note_gone();
        }
    })?;
    Ok(Notifications { queue, waiting })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map(drop)
        .context("failed to start a thread")
}

/// Reads until the mount is gone.
fn read(mut fuse: &File, desk: &Desk) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        while desk.has_room() {
            match fuse.read(&mut buffer) {
                Ok(count) => desk.push(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The request was given up before it was read.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
                // ENODEV: unmounted, or aborted.
                Err(error) => {
                    if error.raw_os_error() != Some(libc::ENODEV) {
                        tracing::error!(%error, "share's requests cannot be read");
                    }
                    return;
                }
            }
        }
        wait(fuse, desk);
    }
}

/// Waits for the kernel, the desk or the next deadline.
fn wait(fuse: &File, desk: &Desk) {
    let limit = desk.give_up().map(|deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        }
    });
    // Without room only what is an error wakes.
    let wanted = if desk.has_room() {
        PollFlags::IN
    } else {
        PollFlags::empty()
    };
    let mut fds = [
        PollFd::new(fuse, wanted),
        PollFd::from_borrowed_fd(desk.wake_fd(), PollFlags::IN),
    ];
    // An interruption is one more look.
    if poll(&mut fds, limit.as_ref()).is_ok() && fds[1].revents().contains(PollFlags::IN) {
        // Fails only when there is nothing to take back.
        let _ = rustix::io::read(desk.wake_fd(), &mut [0_u8; 8]);
    }
}

fn write_answers(mut fuse: &File, mut answers: mpsc::UnboundedReceiver<Answer>) {
    while let Some(answer) = answers.blocking_recv() {
        // Fails for a request that was given up.
        if let Err(error) = fuse.write(&answer.bytes)
            && !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
        {
            tracing::warn!(%error, "kernel refused an answer");
            refuse(fuse, &answer.bytes);
        }
    }
}

/// Whoever waits for an answer that the kernel did not take must not wait for ever.
fn refuse(mut fuse: &File, answer: &[u8]) {
    if let Some(unique) = answer.get(8..16).and_then(|bytes| bytes.try_into().ok()) {
        let failure = message::failure(u64::from_le_bytes(unique), libc::EIO);
        // It was answered already, if this fails.
        let _ = fuse.write(&failure);
    }
}

fn write_notifications(
    mut fuse: &File,
    mut notified: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting: &AtomicUsize,
    replayer: &Replayer,
) {
    while let Some(message) = notified.blocking_recv() {
        if message::kind(&message) == FromServer::Replay {
            replayer.replay(message[message::ANSWER_HEADER..].to_vec());
        } else {
            // Fails for what the kernel does not know.
            let _ = fuse.write(&message);
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
