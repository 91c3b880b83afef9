//! The worker: takes an order a line, carries it out in its folder, and answers in a line how long that took.
//!
//! ```text
//!   {"job":{"do":"find","folder":"tree","count":500},"cache":"warm"}   ──►
//!                                                                      ◄──   {"seconds":0.0123}
//! ```
//!
//! It ends with its input. Paths of orders are below its folder.

mod contents;
mod programs;
mod trees;

use std::{
    fs,
    io::{self, BufRead as _, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use programs::{NAMES as PROGRAMS, git};

/// Arguments.
#[derive(clap::Args)]
pub struct WorkerArgs {
    /// The folder to work in
    folder: PathBuf,
}

/// What to do, and what the kernel remembers of the files before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub job: Job,
    pub cache: Cache,
}

/// What the worker's kernel remembers of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cache {
    /// Whatever it does.
    AsIs,
    /// Nothing: its caches are dropped. Those of the host behind it are not.
    Cold,
    /// What it can: the job is done once before it is measured.
    Warm,
}

/// What a worker can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Job {
    /// Unpacks a tar archive into a folder, which is made.
    Unpack { archive: String, folder: String },
    /// Removes a folder with all that is in it.
    Remove { folder: String },
    /// Reads a file from its begin to its end.
    Read { file: String },
    /// Reads pages of 4 KiB here and there in a file.
    ReadRandom { file: String, count: u64 },
    /// Writes a file of that many bytes, and waits until it is stored.
    Write { file: String, bytes: u64 },
    /// Writes a file by pages of 4 KiB, and waits after each until it is stored.
    WriteSynced { file: String, count: u64 },
    /// Asks git what changed in a repository in which nothing did.
    Status { folder: String },
    /// Lists a folder with all below it: that many files.
    Find { folder: String, count: u64 },
    /// Asks for the metadata of that many files of a tree of [`super::data`].
    Stat { folder: String, count: u64 },
    /// Asks that often for the metadata of files that do not exist, each of them ten times.
    Missing { folder: String, count: u64 },
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    Took { seconds: f64 },
    Failed { error: String },
}

impl Order {
    /// One that is not measured, or measured as it comes.
    pub fn once(job: Job) -> Self {
        Self {
            job,
            cache: Cache::AsIs,
        }
    }
}

/// Works until the input ends.
pub fn work(args: WorkerArgs) -> Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?).context("an order that is not understood")?;
        let answer = match carry_out(&args.folder, &order) {
            Ok(seconds) => Answer::Took { seconds },
            Err(error) => Answer::Failed {
                error: format!("{error:#}"),
            },
        };
        writeln!(output, "{}", serde_json::to_string(&answer)?)?;
        output.flush()?;
    }
    Ok(())
}

/// How many seconds it took.
fn carry_out(root: &Path, order: &Order) -> Result<f64> {
    match order.cache {
        Cache::AsIs => {}
        Cache::Cold => forget(root)?,
        Cache::Warm => act(root, &order.job)?,
    }
    let begun = Instant::now();
    act(root, &order.job)?;
    Ok(begun.elapsed().as_secs_f64())
}

fn act(root: &Path, job: &Job) -> Result<()> {
    match job {
        Job::Unpack { archive, folder } => programs::unpack(root, archive, folder),
        Job::Remove { folder } => programs::remove(root, folder),
        Job::Read { file } => contents::read(&root.join(file)),
        Job::ReadRandom { file, count } => contents::read_random(&root.join(file), *count),
        Job::Write { file, bytes } => contents::write(&root.join(file), *bytes),
        Job::WriteSynced { file, count } => contents::write_synced(&root.join(file), *count),
        Job::Status { folder } => programs::status(&root.join(folder)),
        Job::Find { folder, count } => programs::find(&root.join(folder), *count),
        Job::Stat { folder, count } => trees::stat(&root.join(folder), *count),
        Job::Missing { folder, count } => trees::missing(&root.join(folder), *count),
    }
}

/// Makes the kernel forget what it read. What is written goes to its place first: only then can it be forgotten.
fn forget(root: &Path) -> Result<()> {
    rustix::fs::syncfs(fs::File::open(root)?).context("failed to store what is written")?;
    fs::write("/proc/sys/vm/drop_caches", "3").context("failed to drop the kernel's caches")
}

#[cfg(test)]
mod tests;
