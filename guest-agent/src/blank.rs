//! Judges what is on the data disk, before anything is written to it.
//!
//! The rule, in order:
//! 1. an ext4 superblock with our label is ours, if its file system fits on the disk;
//! 2. our own "being formatted" mark in the first block means that we were interrupted while formatting: start over;
//! 3. blank is only a disk whose first 4 MiB, last 1 MiB, and 1024 sampled blocks of 4 KiB in between hold nothing but
//!    zeros. Every file system, partition table, RAID, LVM or encryption header lies in those first or last bytes;
//! 4. anything else is foreign and never touched.

use std::io::{self, Read, Seek, SeekFrom};

/// The label of our file system.
pub const LABEL: &str = "pinnace-data";
/// Lies at the start of a disk that is being formatted; ext4 leaves its first 1024 bytes to others.
pub const FORMATTING_MARK: &[u8; 32] = b"pinnace-data: being formatted\n\0\0";
/// A smaller disk is of no use to the engine.
pub const MIN_BYTES: u64 = 64 << 20;

const HEAD_BYTES: u64 = 4 << 20;
const TAIL_BYTES: u64 = 1 << 20;
const SAMPLES: u64 = 1024;
const SAMPLE_BYTES: u64 = 4096;
const SUPERBLOCK_AT: usize = 1024;
const EXT4_MAGIC: u16 = 0xef53;
const STATE_ERRORS: u16 = 2;
const INCOMPAT_64BIT: u32 = 0x80;

/// What is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing.
    Blank,
    /// Our own formatting did not get to its end.
    HalfFormatted,
    /// Our file system.
    Ours {
        /// Its size in bytes.
        size_bytes: u64,
        /// Whether the kernel saw errors on it.
        errors: bool,
    },
    /// Something that is not ours, or is broken. The reason, for people.
    Foreign(String),
}

/// Judges a disk of that size.
pub fn judge(disk: &mut (impl Read + Seek), size_bytes: u64) -> io::Result<Judgement> {
    if size_bytes < MIN_BYTES {
        return Ok(Judgement::Foreign(format!(
            "it has only {size_bytes} bytes; it may have been truncated"
        )));
    }
    let mut head = vec![0; 8192];
    disk.seek(SeekFrom::Start(0))?;
    disk.read_exact(&mut head)?;
    if head.starts_with(FORMATTING_MARK) {
        return Ok(Judgement::HalfFormatted);
    }
    if let Some(superblock) = head.get(SUPERBLOCK_AT..SUPERBLOCK_AT + 1024)
        && number16(superblock, 56) == EXT4_MAGIC
    {
        return Ok(judge_ext4(superblock, size_bytes));
    }
    if let Some(at) = find_data(disk, size_bytes)? {
        return Ok(Judgement::Foreign(format!(
            "it holds data at byte {at} that is no file system of Pinnace's"
        )));
    }
    Ok(Judgement::Blank)
}

fn judge_ext4(superblock: &[u8], disk_bytes: u64) -> Judgement {
    let label = &superblock[120..136];
    let label = label.split(|byte| *byte == 0).next().unwrap_or_default();
    if label != LABEL.as_bytes() {
        let label = String::from_utf8_lossy(label);
        return Judgement::Foreign(format!(
            "it holds a file system with label {label:?}, not Pinnace's"
        ));
    }
    let mut blocks = u64::from(number32(superblock, 4));
    if number32(superblock, 96) & INCOMPAT_64BIT != 0 {
        blocks |= u64::from(number32(superblock, 0x150)) << 32;
    }
    // The kernel takes block sizes of 1 to 64 KiB; a shift beyond that is damage.
    let shift = number32(superblock, 24);
    let size_bytes = if shift <= 6 {
        blocks.checked_mul(1024 << shift)
    } else {
        None
    };
    match size_bytes {
        Some(size_bytes) if size_bytes <= disk_bytes && size_bytes > 0 => Judgement::Ours {
            size_bytes,
            errors: number16(superblock, 58) & STATE_ERRORS != 0,
        },
        Some(size_bytes) => Judgement::Foreign(format!(
            "its file system has {size_bytes} bytes but the disk only {disk_bytes}; it was truncated"
        )),
        None => Judgement::Foreign("its file system's size makes no sense".to_owned()),
    }
}

/// Where the first byte is that is not zero, looking where the rule says.
fn find_data(disk: &mut (impl Read + Seek), size_bytes: u64) -> io::Result<Option<u64>> {
    if let Some(at) = find_in(disk, 0, HEAD_BYTES)? {
        return Ok(Some(at));
    }
    if let Some(at) = find_in(disk, size_bytes - TAIL_BYTES, TAIL_BYTES)? {
        return Ok(Some(at));
    }
    let step = (size_bytes - HEAD_BYTES - TAIL_BYTES) / SAMPLES / SAMPLE_BYTES * SAMPLE_BYTES;
    for sample in 0..SAMPLES {
        if let Some(at) = find_in(disk, HEAD_BYTES + sample * step, SAMPLE_BYTES)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn find_in(disk: &mut (impl Read + Seek), start: u64, length: u64) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; 256 * 1024];
    disk.seek(SeekFrom::Start(start))?;
    let mut at = start;
    let mut left = usize::try_from(length).map_err(io::Error::other)?;
    while left > 0 {
        let part = left.min(buffer.len());
        disk.read_exact(&mut buffer[..part])?;
        if let Some(index) = buffer[..part].iter().position(|byte| *byte != 0) {
            return Ok(Some(at + index as u64));
        }
        at += part as u64;
        left -= part;
    }
    Ok(None)
}

fn number16(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..at + 2)
        .and_then(|part| part.try_into().ok())
        .map_or(0, u16::from_le_bytes)
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|part| part.try_into().ok())
        .map_or(0, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write as _, process::Command};

    use super::*;

    const SIZE: u64 = 128 << 20;

    fn disk(size: u64) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        file
    }

    fn written(at: u64, bytes: &[u8]) -> File {
        let mut file = disk(SIZE);
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn formatted(label: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(SIZE).unwrap();
        let made = Command::new("mkfs.ext4")
            .args(["-q", "-F", "-L", label])
            .arg(file.path())
            .status()
            .unwrap();
        assert!(made.success());
        file
    }

    #[test]
    fn judge_zeros_is_blank() {
        assert_eq!(judge(&mut disk(SIZE), SIZE).unwrap(), Judgement::Blank);
    }

    #[test]
    fn judge_one_byte_anywhere_looked_at_is_foreign() {
        for at in [0, 511, 65536, HEAD_BYTES - 1, SIZE - TAIL_BYTES, SIZE - 1] {
            let found = judge(&mut written(at, &[1]), SIZE).unwrap();
            assert!(matches!(found, Judgement::Foreign(_)), "byte {at}: {found:?}");
        }
    }

    #[test]
    fn judge_data_in_the_middle_is_foreign() {
        let found = judge(&mut written(SIZE / 2, &vec![7; 1 << 20]), SIZE).unwrap();
        assert!(matches!(found, Judgement::Foreign(_)));
    }

    #[test]
    fn judge_small_disk_is_foreign() {
        assert!(matches!(
            judge(&mut disk(1 << 20), 1 << 20).unwrap(),
            Judgement::Foreign(_)
        ));
    }

    #[test]
    fn judge_own_mark_is_half_formatted() {
        assert_eq!(
            judge(&mut written(0, FORMATTING_MARK), SIZE).unwrap(),
            Judgement::HalfFormatted
        );
    }

    #[test]
    fn judge_own_file_system_gives_its_size() {
        let mut file = formatted(LABEL);
        assert_eq!(
            judge(&mut file, SIZE).unwrap(),
            Judgement::Ours {
                size_bytes: SIZE,
                errors: false
            }
        );
        let grown = SIZE * 2;
        file.as_file().set_len(grown).unwrap();
        assert_eq!(
            judge(&mut file, grown).unwrap(),
            Judgement::Ours {
                size_bytes: SIZE,
                errors: false
            }
        );
    }

    #[test]
    fn judge_truncated_own_file_system_is_foreign() {
        let mut file = formatted(LABEL);
        file.as_file().set_len(SIZE - (8 << 20)).unwrap();
        let found = judge(&mut file, SIZE - (8 << 20)).unwrap();
        assert!(
            matches!(&found, Judgement::Foreign(why) if why.contains("truncated")),
            "{found:?}"
        );
    }

    #[test]
    fn judge_other_file_system_is_foreign() {
        assert!(matches!(
            judge(&mut formatted("home"), SIZE).unwrap(),
            Judgement::Foreign(_)
        ));
    }
}
