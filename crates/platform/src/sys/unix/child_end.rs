//! Learning that a child has ended while its process id still is its own.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{Child, ExitStatus},
};

use rustix::{
    io::Errno,
    process::{Pid, WaitId, WaitIdOptions, waitid},
};

/// A child's end.
#[derive(Debug)]
pub struct End(Pid);

impl End {
    /// The end of this child, which nobody reaps before [`End::wait`] returns.
    pub fn of(child: &Child) -> io::Result<Self> {
        let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        number.map(Self).ok_or_else(|| io::Error::other("no process id"))
    }

    /// Blocks until it has ended, and leaves it to be reaped.
    pub fn wait(&self) -> io::Result<()> {
        loop {
            match waitid(WaitId::Pid(self.0), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
    }
}

/// For a child whose end was taken by somebody else, as when our own parent made us ignore SIGCHLD.
pub fn unknown_status() -> ExitStatus {
    ExitStatus::from_raw(255 << 8)
}
