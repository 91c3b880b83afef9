//! Formats the data disk so that an interruption at any moment leaves a disk that is known to be ours.
//!
//! ```text
//!   mkfs.ext4 on a sparse file in memory, as large as the disk
//!   mark at byte 0 of the disk, flush
//!   every extent of the file except its first block ──► disk, flush
//!   the first block, which holds the superblock and overwrites the mark ──► disk, flush
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    process::Command,
};

use anyhow::{Context, bail};
use rustix::{fs::SeekFrom as Extent, io::Errno};

use crate::blank::{FORMATTING_MARK, LABEL};

const FIRST_BLOCK_BYTES: u64 = 4096;

/// Makes an ext4 file system with our label on the disk. `scratch` is a folder in memory.
pub fn format(disk: &Path, size_bytes: u64, scratch: &Path) -> anyhow::Result<()> {
    let image = scratch.join("data-disk.ext4");
    let file = File::create(&image).context("failed to make the file to format")?;
    file.set_len(size_bytes)
        .context("failed to size the file to format")?;
    let result = make_file_system(&image).and_then(|()| copy(&image, disk, size_bytes));
    // It lies in memory and goes with the machine at the latest.
    let _ = fs::remove_file(&image);
    result
}

fn make_file_system(image: &Path) -> anyhow::Result<()> {
    // Lazy: tables are zeroed by the kernel later, in the background. Nothing is kept for root: nobody else writes.
    let made = Command::new("/sbin/mkfs.ext4")
        .args(["-q", "-F", "-L", LABEL, "-m", "0", "-b", "4096"])
        .args(["-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"])
        .arg(image)
        .output()
        .context("failed to run mkfs.ext4")?;
    if !made.status.success() {
        bail!(
            "mkfs.ext4 ended with {}: {}",
            made.status,
            String::from_utf8_lossy(&made.stderr).trim()
        );
    }
    Ok(())
}

fn copy(image: &Path, disk: &Path, size_bytes: u64) -> anyhow::Result<()> {
    let mut from = File::open(image).context("failed to open the formatted file")?;
    let mut to = OpenOptions::new()
        .write(true)
        .open(disk)
        .context("failed to open the disk for writing")?;
    to.write_all(FORMATTING_MARK).context("failed to mark the disk")?;
    to.sync_all().context("failed to flush the disk")?;
    let mut at = FIRST_BLOCK_BYTES;
    while let Some((start, end)) = extent(&from, at, size_bytes)? {
        copy_range(&mut from, &mut to, start, end)?;
        at = end;
    }
    to.sync_all().context("failed to flush the disk")?;
    copy_range(&mut from, &mut to, 0, FIRST_BLOCK_BYTES)?;
    to.sync_all().context("failed to flush the disk")
}

/// The next extent of the sparse file that holds data.
fn extent(file: &File, at: u64, size_bytes: u64) -> anyhow::Result<Option<(u64, u64)>> {
    if at >= size_bytes {
        return Ok(None);
    }
    let start = match rustix::fs::seek(file, Extent::Data(at)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        Err(errno) => return Err(errno).context("failed to find data in the formatted file"),
    };
    let end = rustix::fs::seek(file, Extent::Hole(start)).context("failed to find a hole")?;
    Ok(Some((start, end)))
}

fn copy_range(from: &mut File, to: &mut File, start: u64, end: u64) -> anyhow::Result<()> {
    from.seek(SeekFrom::Start(start))?;
    to.seek(SeekFrom::Start(start))?;
    let copied = std::io::copy(&mut from.take(end - start), to).context("failed to write to the disk")?;
    if copied != end - start {
        bail!("the formatted file ended early");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blank::{Judgement, judge};

    const SIZE: u64 = 1 << 30;

    #[test]
    fn format_blank_file_is_ours_and_passes_fsck() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        File::create(&disk).unwrap().set_len(SIZE).unwrap();
        format(&disk, SIZE, folder.path()).unwrap();
        let mut file = File::open(&disk).unwrap();
        assert_eq!(
            judge(&mut file, SIZE).unwrap(),
            Judgement::Ours {
                size_bytes: SIZE,
                errors: false
            }
        );
        let checked = Command::new("/sbin/e2fsck")
            .args(["-f", "-n"])
            .arg(&disk)
            .output()
            .unwrap();
        assert!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&checked.stdout)
        );
    }

    #[test]
    fn format_interrupted_before_the_first_block_starts_over() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        File::create(&disk).unwrap().set_len(SIZE).unwrap();
        format(&disk, SIZE, folder.path()).unwrap();
        let mut file = OpenOptions::new().read(true).write(true).open(&disk).unwrap();
        file.write_all(&[0; FIRST_BLOCK_BYTES as usize]).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(FORMATTING_MARK).unwrap();
        assert_eq!(judge(&mut file, SIZE).unwrap(), Judgement::HalfFormatted);
        format(&disk, SIZE, folder.path()).unwrap();
        assert!(matches!(judge(&mut file, SIZE).unwrap(), Judgement::Ours { .. }));
    }
}
