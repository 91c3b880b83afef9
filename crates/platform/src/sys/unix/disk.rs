//! Space on disks.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

/// What `st_blocks` counts in, whatever the file system's own block size.
const BLOCK_BYTES: u64 = 512;

/// What an ordinary user may still write.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What the file takes.
pub fn allocated_bytes(path: &Path) -> io::Result<u64> {
    Ok(fs::metadata(path)?.blocks() * BLOCK_BYTES)
}

/// For our user alone, and never through a link.
pub fn private(options: &mut OpenOptions) {
    options.mode(0o600);
}

/// Every file can be sparse here.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on other hosts")]
pub fn mark_sparse(_file: &File) -> io::Result<()> {
    Ok(())
}
