//! Reads and writes of one file.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use anyhow::{Context, Result, ensure};

/// What is read and written at once in a row.
pub const PIECE_BYTES: usize = 1 << 20;
/// What is read and written at once here and there.
pub const PAGE_BYTES: usize = 4096;

pub fn read(path: &Path) -> Result<()> {
    let mut file = open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut total = 0;
    loop {
        let length = file.read(&mut piece)?;
        total += length as u64;
        if length == 0 {
            break;
        }
    }
    let expected = file.metadata()?.len();
    ensure!(total == expected, "read {total} of {expected} bytes");
    Ok(())
}

pub fn read_random(path: &Path, count: u64) -> Result<()> {
    let file = open(path)?;
    let pages = file.metadata()?.len() / PAGE_BYTES as u64;
    ensure!(pages > 0, "{} has no whole page", path.display());
    let mut page = [0; PAGE_BYTES];
    for place in places(pages).take(usize::try_from(count)?) {
        file.read_exact_at(&mut page, place * PAGE_BYTES as u64)?;
    }
    Ok(())
}

pub fn write(path: &Path, bytes: u64) -> Result<()> {
    let mut file = create(path)?;
    // Not all alike, in case somebody on the way makes less of what is.
    let piece: Vec<u8> = (0..PIECE_BYTES).map(|at| (at % 251) as u8).collect();
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left.min(PIECE_BYTES as u64))?;
        file.write_all(&piece[..length])?;
        left -= length as u64;
    }
    file.sync_all()?;
    Ok(())
}

pub fn write_synced(path: &Path, count: u64) -> Result<()> {
    let mut file = create(path)?;
    for number in 0..count {
        file.write_all(&[(number % 251) as u8; PAGE_BYTES])?;
        file.sync_all()?;
    }
    Ok(())
}

/// Pages in an order that nobody reads ahead, the same every time.
pub fn places(pages: u64) -> impl Iterator<Item = u64> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % pages
    })
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("failed to open {}", path.display()))
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("failed to create {}", path.display()))
}
