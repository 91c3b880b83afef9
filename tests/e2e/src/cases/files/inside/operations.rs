//! What programs do with files, each checked where it is done.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rustix::io::Errno;

use super::{contents, names};

type Operation = (&'static str, fn(&Path) -> Result<()>);

const OPERATIONS: &[Operation] = &[
    ("names", names::names),
    ("long names", names::long_names),
    ("case-only renames", names::case_only_rename),
    ("an open file without a name", names::open_without_a_name),
    ("renames", names::renames),
    ("flock", contents::flock),
    ("a shared map", contents::shared_map),
    ("appending", contents::appending),
    ("a hole", contents::hole),
    ("exclusive creation and truncation", contents::creation),
    ("times", contents::times),
    ("a pipe and a socket", names::special_files),
    ("a thousand files", names::thousand_files),
    ("running a program", contents::running),
];

pub fn try_all(mut args: impl Iterator<Item = OsString>) -> Result<()> {
    let folder = PathBuf::from(args.next().context("no folder")?);
    for (name, operation) in OPERATIONS {
        operation(&folder).with_context(|| format!("operation {name} failed"))?;
    }
    Ok(())
}

/// Runs in a folder of its own, which must be empty afterwards.
pub fn in_fresh_folder(folder: &Path, run: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let fresh = folder.join("fresh");
    fs::create_dir(&fresh)?;
    run(&fresh)?;
    fs::remove_dir(&fresh).context("failed to remove the folder")
}

pub fn error_of<T>(result: std::io::Result<T>) -> Option<Errno> {
    result.err().and_then(|error| Errno::from_io_error(&error))
}
