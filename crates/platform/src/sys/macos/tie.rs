//! A watcher process in the child's process group: macOS has no parent-death signal.

use std::{
    io,
    process::{Child, Command},
};

use crate::sys::unix::watcher::{self, Leash};

/// What the watcher waits for the end of.
#[derive(Debug)]
pub struct Tie {
    _leash: Leash,
}

impl Tie {
    /// Ends the child, unless it was reaped already. Its watcher follows when the tie is dropped.
    pub fn kill(&self, child: &mut Child) -> io::Result<()> {
        child.kill()
    }
}

/// Spawns the command with a watcher that ends it when we are gone.
pub fn spawn(command: Command) -> io::Result<(Child, Tie)> {
    let (child, leash) = watcher::spawn(command)?;
    Ok((child, Tie { _leash: leash }))
}
