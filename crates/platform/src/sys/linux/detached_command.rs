//! A session of its own and no file descriptors of ours.
#![expect(unsafe_code, reason = "what a new process does before its program starts")]

use std::{io, os::unix::process::CommandExt, process::Command};

/// The first descriptor after the standard streams.
const FIRST: libc::c_uint = 3;

/// Makes the command start in a session of its own, with its standard streams and nothing else open.
pub fn prepare(command: &mut Command) -> io::Result<()> {
    // SAFETY: the closure runs between fork and exec and makes only system calls; it allocates nothing and takes no
    // lock.
    unsafe { command.pre_exec(leave) };
    Ok(())
}

fn leave() -> io::Result<()> {
    // Fails only for the leader of a process group, which a new process is not.
    rustix::process::setsid()?;
    // Marks instead of closing: one descriptor carries the error back to our parent if exec fails.
    // SAFETY: takes numbers and touches no memory.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC as libc::c_uint,
        )
    };
    if result == 0 {
        return Ok(());
    }
    // Kernels before 5.11.
    super::super::unix::descriptors::close_on_exec_from(FIRST as libc::c_int);
    Ok(())
}
