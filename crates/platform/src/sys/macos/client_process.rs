//! A process watched by a kqueue.
#![expect(unsafe_code, reason = "libproc and sysctl have no safe face")]

use std::{
    ffi::OsString,
    future, io,
    mem::MaybeUninit,
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    ptr,
    sync::{Mutex, PoisonError},
};

use super::kqueue::{Event, Queue};
use crate::sys::unix::process_arguments::after_a_count;

/// Arguments and environment together (`ARG_MAX`, and the path before them).
const LONGEST_ANSWER_BYTES: usize = (1 << 20) + (64 << 10);
/// What shells add to the number of the signal that ended a program.
const SIGNALLED: u32 = 128;

/// A process.
#[derive(Debug)]
pub struct Process {
    end: Queue,
    /// Its exit code, if the kernel told it, once it has ended. The event comes once, for all who wait.
    ended: Mutex<Option<Option<u32>>>,
}

impl Process {
    /// See [`crate::ClientProcess::of`]. Gives its start in microseconds since the epoch as well.
    pub fn open(pid: u32) -> io::Result<Option<(Self, u64)>> {
        let Some(number) = libc::pid_t::try_from(pid).ok().filter(|number| *number > 0) else {
            return Ok(None);
        };
        let end = Queue::new()?;
        // The code comes only from processes that we may signal.
        let asked = ask(&end, pid, libc::NOTE_EXIT | libc::NOTE_EXITSTATUS).or_else(|error| {
            if is_gone(&error) {
                Err(error)
            } else {
                ask(&end, pid, libc::NOTE_EXIT)
            }
        });
        match asked {
            Ok(()) => {}
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let ended = Mutex::new(None);
        Ok(started(number).map(|started| (Self { end, ended }, started)))
    }

    /// See [`crate::ClientProcess::arguments`].
    pub fn arguments(&self, pid: u32) -> Option<Vec<OsString>> {
        let answer = process_arguments(libc::pid_t::try_from(pid).ok()?).ok()?;
        match self.end() {
            Ok(None) => after_a_count(&answer),
            _ => None,
        }
    }

    /// See [`crate::ClientProcess::exited`].
    pub async fn exited(&self) -> Option<u32> {
        loop {
            let ready = self.end.ready().await;
            match (ready, self.end()) {
                (_, Ok(Some(code))) => return code,
                (Ok(mut ready), Ok(None)) => ready.clear_ready(),
                // The runtime is ending, or out of memory.
                _ => return future::pending().await,
            }
        }
    }

    /// Its end, if that has come.
    fn end(&self) -> io::Result<Option<Option<u32>>> {
        // Held while the event is taken, so that whoever finds none sees what another one found.
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.is_none() {
            *ended = self.end.take()?.map(code);
        }
        Ok(*ended)
    }
}

fn ask(queue: &Queue, pid: u32, notes: u32) -> io::Result<()> {
    let event = Event {
        filter: libc::EVFILT_PROC,
        flags: libc::EV_ADD | libc::EV_ONESHOT,
        notes,
        data: 0,
    };
    queue.ask(pid as usize, event)
}

fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

fn code(event: Event) -> Option<u32> {
    if event.notes & libc::NOTE_EXITSTATUS == 0 {
        return None;
    }
    let status = ExitStatus::from_raw(i32::try_from(event.data & i64::from(libc::NOTE_PDATAMASK)).ok()?);
    match (status.code(), status.signal()) {
        (Some(code), _) => u32::try_from(code).ok(),
        (None, Some(signal)) => u32::try_from(signal).ok().map(|signal| SIGNALLED + signal),
        (None, None) => None,
    }
}

fn started(pid: libc::pid_t) -> Option<u64> {
    let mut facts = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let length = libc::c_int::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    // SAFETY: the structure has `length` bytes to write to.
    let written =
        unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, facts.as_mut_ptr().cast(), length) };
    if written != length {
        return None;
    }
    // SAFETY: whole; and numbers only, which zeros are as well.
    let facts = unsafe { facts.assume_init() };
    Some(facts.pbi_start_tvsec * 1_000_000 + facts.pbi_start_tvusec)
}

/// What the process was started with. A buffer that is too short gets the end instead of the beginning, so the length
/// is asked for first.
fn process_arguments(pid: libc::pid_t) -> io::Result<Vec<u8>> {
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    let mut read = |buffer: *mut u8, length: &mut usize| {
        // SAFETY: the name has three parts; the buffer has `length` bytes, or is null, which asks for the length.
        let result = unsafe {
            libc::sysctl(
                name.as_mut_ptr(),
                3,
                buffer.cast(),
                ptr::from_mut(length),
                ptr::null_mut(),
                0,
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    let mut length = 0;
    read(ptr::null_mut(), &mut length)?;
    if length > LONGEST_ANSWER_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut answer = vec![0; length];
    read(answer.as_mut_ptr(), &mut length)?;
    answer.truncate(length);
    Ok(answer)
}
