//! A process that ends another one when its parent is gone, for hosts whose kernel does not.
//!
//! ```text
//!   us ──fork──► child ──fork──► watcher        one process group: child (its leader), watcher
//!    │  leash     │ exec          │
//!    └────────────┼──── pipe ────►│ reads: the end of file is our end
//!                 ▼               ▼
//!              program      kill(0): the whole group, itself included
//! ```
//!
//! The watcher names no process id: it signals its own group, whose number cannot become anybody else's while the
//! watcher is in it. So it can never hit a stranger, whichever of the three dies first. It holds no descriptor but the
//! pipe's read end, so it keeps nobody's stream open. Compiled on Linux as well, where its tests run.
#![expect(unsafe_code, reason = "what a new process does before its program starts")]

use std::{
    io::{self, PipeWriter, pipe},
    os::{
        fd::{AsRawFd, RawFd},
        unix::process::CommandExt,
    },
    process::{Child, Command},
};

use super::descriptors::limit;

/// The write end of the pipe. Nobody else holds it: its end, with ours at the latest, lets the watcher act.
#[derive(Debug)]
pub struct Leash {
    _end: PipeWriter,
}

/// Spawns the command and its watcher.
pub fn spawn(mut command: Command) -> io::Result<(Child, Leash)> {
    let (watched, leash) = pipe()?;
    let watched_fd = watched.as_raw_fd();
    // Before the closure below runs: the watcher is born into the new group.
    command.process_group(0);
    // SAFETY: the closure runs between fork and exec and makes only system calls; it allocates nothing and takes no
    // lock. The descriptor is open then: `watched` lives until after the spawn.
    unsafe { command.pre_exec(move || fork_watcher(watched_fd)) };
    let child = command.spawn()?;
    drop(watched);
    Ok((child, Leash { _end: leash }))
}

fn fork_watcher(watched: RawFd) -> io::Result<()> {
    // SAFETY: we are the only thread of a process that was forked itself, and what the new process runs makes only
    // system calls.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => watch(watched),
        _ => Ok(()),
    }
}

/// The watcher's whole life. Only system calls: it has one thread and whatever memory its forefathers left.
fn watch(watched: RawFd) -> ! {
    for descriptor in (0..limit()).filter(|descriptor| *descriptor != watched) {
        // SAFETY: this process runs nothing else that could own a descriptor. Among them is the write end of its own
        // pipe, which would keep the end of file away.
        unsafe { libc::close(descriptor) };
    }
    let mut byte = 0u8;
    loop {
        // SAFETY: one byte to write to.
        match unsafe { libc::read(watched, (&raw mut byte).cast(), 1) } {
            // Nobody writes to the pipe.
            1.. => {}
            0 => break,
            // A signal came. Any other error cannot happen on a pipe; then nobody could be watched, so stop as well.
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    // SAFETY: both take numbers and touch no memory; 0 is our own group.
    unsafe {
        libc::kill(0, libc::SIGKILL);
        libc::_exit(0)
    }
}

#[cfg(test)]
mod tests;
