//! Holds a lock until it is ended: `locked`; or says that somebody else has it: `busy`.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write},
    thread,
};

use anyhow::{Context, Result};
use rustix::{fs::FlockOperation, io::Errno};

pub fn lock(mut args: impl Iterator<Item = OsString>) -> Result<()> {
    let file = File::open(args.next().context("no file")?)?;
    let mut out = io::stdout();
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => writeln!(out, "locked")?,
        Err(Errno::WOULDBLOCK) => return Ok(writeln!(out, "busy")?),
        Err(error) => return Err(error.into()),
    }
    out.flush()?;
    loop {
        thread::park();
    }
}
