//! A kqueue that the runtime watches.
#![expect(unsafe_code, reason = "kqueue has no safe face")]

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
};

use tokio::io::{
    Interest,
    unix::{AsyncFd, AsyncFdReadyGuard},
};

use crate::sys::unix::readiness::watched;

/// A queue of events.
#[derive(Debug)]
pub struct Queue {
    descriptor: AsyncFd<OwnedFd>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// `EVFILT_…`
    pub filter: i16,
    /// `EV_…`
    pub flags: u16,
    /// `NOTE_…`
    pub notes: u32,
    /// Depends on the filter.
    pub data: i64,
}

impl Queue {
    /// An empty queue.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes nothing.
        let descriptor = unsafe { libc::kqueue() };
        if descriptor == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, owned by nobody else.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC)?;
        Ok(Self {
            descriptor: watched(descriptor, Interest::READABLE)?,
        })
    }

    /// Asks for an event about a descriptor or a process.
    pub fn ask(&self, about: usize, event: Event) -> io::Result<()> {
        let change = kevent(about, event);
        // SAFETY: one change to read, none to write, no time limit.
        let result = unsafe {
            libc::kevent(
                self.descriptor.as_raw_fd(),
                &raw const change,
                1,
                ptr::null_mut(),
                0,
                ptr::null(),
            )
        };
        if result == -1 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Takes the next event that happened.
    pub fn take(&self) -> io::Result<Option<Event>> {
        let mut found = kevent(0, Event::none());
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: no change to read, one event to write, a time limit.
        let count = unsafe {
            libc::kevent(
                self.descriptor.as_raw_fd(),
                ptr::null(),
                0,
                &raw mut found,
                1,
                &raw const now,
            )
        };
        match count {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(None),
            _ => Ok(Some(Event {
                filter: found.filter,
                flags: found.flags,
                notes: found.fflags,
                data: found.data as i64,
            })),
        }
    }

    /// Waits until there may be an event. Fails when the runtime is ending.
    pub async fn ready(&self) -> io::Result<AsyncFdReadyGuard<'_, OwnedFd>> {
        self.descriptor.readable().await
    }
}

impl Event {
    fn none() -> Self {
        Self {
            filter: 0,
            flags: 0,
            notes: 0,
            data: 0,
        }
    }
}

fn kevent(about: usize, event: Event) -> libc::kevent {
    libc::kevent {
        ident: about,
        filter: event.filter,
        flags: event.flags,
        fflags: event.notes,
        data: event.data as isize,
        udata: ptr::null_mut(),
    }
}
