//! What runs in containers: the cases' own program, started with one of these words.

mod contents;
mod locker;
mod names;
mod operations;
mod watcher;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;

pub use self::names::NAMES;
use crate::{Machine, cases::ports::bundle};

/// Tries what programs do with files, in the folder that follows.
pub const OPERATE: &str = "try-file-operations";
/// Prints what happens in the files and folders that follow.
pub const WATCH: &str = "watch-files";
/// Locks the file that follows and keeps it locked; says whether it could.
pub const LOCK: &str = "lock-file";
/// The image of the program.
pub const IMAGE: &str = "pinnace-e2e-files:latest";

/// Makes the image, unless the engine has it.
pub fn import(machine: &Machine) -> Result<()> {
    bundle::import(machine, IMAGE, &std::env::current_exe()?)
}

/// The program in the image.
pub fn program() -> Result<String> {
    Ok(std::env::current_exe()?.to_string_lossy().into_owned())
}

/// Does what the first argument says. `None`: it is no word of these.
pub fn run(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let word = args.next()?;
    let result = if word == OPERATE {
        operations::try_all(args)
    } else if word == WATCH {
        watcher::watch(args)
    } else if word == LOCK {
        locker::lock(args)
    } else {
        return None;
    };
    Some(match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    })
}
