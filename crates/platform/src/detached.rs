//! Starting a program that outlives us.

use std::{io, process::Command, thread};

use crate::sys::os;

/// Starts the command on its own: no terminal or console, nothing inherited but the standard streams that the command
/// was given, and no end when ours comes. Returns its process id, to be shown and not to be signalled.
///
/// Set the standard streams before: `Stdio::null()` or a file keeps it from holding the caller's terminal or pipe open.
pub fn spawn_detached(mut command: Command) -> io::Result<u32> {
    os::detached::prepare(&mut command)?;
    let mut child = command.spawn()?;
    let pid = child.id();
    // A long-lived parent must reap it, or it stays a zombie; a short-lived one leaves that to init. Without a thread
    // it runs all the same.
    let reaper = thread::Builder::new()
        .name("detached child".into())
        .stack_size(128 << 10);
    if let Err(error) = reaper.spawn(move || drop(child.wait())) {
        tracing::warn!(%error, pid, "failed to start the thread that reaps a detached process");
    }
    Ok(pid)
}

#[cfg(all(test, unix))]
mod tests;
