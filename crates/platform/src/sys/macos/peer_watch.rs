//! A socket's two ends, told by a kqueue.
//!
//! Each direction reports its end (EV_EOF) for good; the peer is gone when both have. The low-water marks are out of
//! reach, so that bytes and free space wake nobody.

use std::{
    future, io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use rustix::io::fcntl_dupfd_cloexec;

use super::kqueue::{Event, Queue};
use crate::sys::unix::socket::Stream;

/// More than a socket can hold; the kernel takes it for "full".
const OUT_OF_REACH_BYTES: i64 = i32::MAX as i64;

/// A watch.
#[derive(Debug)]
pub struct Watch {
    /// Dropped before the socket.
    ends: Queue,
    /// The stream's user may close theirs, whose number would then be another's.
    _socket: OwnedFd,
    ended: Mutex<Ended>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    reading: bool,
    writing: bool,
}

impl Watch {
    /// See [`crate::LocalStream::watch_peer`].
    pub fn of(stream: &Stream) -> io::Result<Self> {
        let socket = fcntl_dupfd_cloexec(stream.as_fd(), 0)?;
        let ends = Queue::new()?;
        for filter in [libc::EVFILT_READ, libc::EVFILT_WRITE] {
            let event = Event {
                filter,
                flags: libc::EV_ADD | libc::EV_CLEAR,
                notes: libc::NOTE_LOWAT,
                data: OUT_OF_REACH_BYTES,
            };
            let number = usize::try_from(socket.as_raw_fd()).map_err(io::Error::other)?;
            ends.ask(number, event)?;
        }
        Ok(Self {
            ends,
            _socket: socket,
            ended: Mutex::default(),
        })
    }

    /// See [`crate::PeerWatch::gone`].
    pub async fn gone(&self) {
        loop {
            let ready = self.ends.ready().await;
            match (ready, self.is_gone()) {
                (_, Ok(true)) => return,
                (Ok(mut ready), Ok(false)) => ready.clear_ready(),
                // The runtime is ending, or out of memory.
                _ => return future::pending().await,
            }
        }
    }

    fn is_gone(&self) -> io::Result<bool> {
        // Held while events are taken, so that whoever finds none sees what another one found.
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(event) = self.ends.take()? {
            if event.flags & libc::EV_EOF != 0 {
                match event.filter {
                    libc::EVFILT_READ => ended.reading = true,
                    _ => ended.writing = true,
                }
            }
        }
        Ok(ended.reading && ended.writing)
    }
}
