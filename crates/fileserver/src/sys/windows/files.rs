//! Open files.

use std::{fs::File, os::windows::fs::FileExt as _, sync::Arc};

use windows_sys::{
    Wdk::Storage::FileSystem::{
        FILE_BASIC_INFORMATION, FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_STANDARD_INFORMATION,
        FILE_WRITE_THROUGH, FileBasicInformation, FileEndOfFileInformation, FileStandardInformation,
    },
    Win32::{
        Storage::FileSystem::{
            FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES,
            FILE_WRITE_DATA,
        },
        System::Ioctl::{FSCTL_QUERY_ALLOCATED_RANGES, FSCTL_SET_SPARSE, FSCTL_SET_ZERO_DATA},
    },
};

use super::{
    errno, native,
    nodes::{HostFolder, Node, looking},
    opening::{self, Opening},
    time,
};
use crate::{Errno, OpenMode, Seek, Time, TimeChange};

/// Linux's `FALLOC_FL_KEEP_SIZE`, `_PUNCH_HOLE` and `_ZERO_RANGE`.
const KEEP_SIZE: u32 = 0x01;
const PUNCH_HOLE: u32 = 0x02;
const ZERO_RANGE: u32 = 0x10;
/// `FLUSH_FLAGS_FILE_DATA_SYNC_ONLY`: without what is not needed to read the bytes.
const FLUSH_DATA: u32 = 4;
/// `FILE_WRITE_TO_END_OF_FILE`, which a write says in the place of an offset.
const TO_THE_END: u64 = u64::MAX;
/// Bytes copied at a time.
const COPIED_BYTES: usize = 1 << 20;

/// A file that the guest has open. While it is, its node can be used even without a name.
#[derive(Clone, Debug)]
pub struct OpenFile {
    file: Arc<File>,
    is_appending: bool,
}

/// The rights that an open file of this mode needs.
pub fn access(mode: OpenMode) -> u32 {
    let read = if mode.read || !mode.write {
        FILE_GENERIC_READ
    } else {
        0
    };
    let write = if mode.write || mode.truncate {
        FILE_GENERIC_WRITE
    } else {
        0
    };
    read | write | FILE_READ_ATTRIBUTES
}

/// The options of one.
pub fn options(mode: OpenMode) -> u32 {
    if mode.synchronous { FILE_WRITE_THROUGH } else { 0 }
}

impl OpenFile {
    pub fn new(file: Arc<File>, mode: OpenMode) -> Self {
        Self {
            file,
            is_appending: mode.append && mode.write,
        }
    }

    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.seek_read(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(_) if done > 0 => break,
                Err(error) => return Err(errno::of_io(&error)),
            }
        }
        Ok(done)
    }

    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let mut done = 0;
        while done < bytes.len() {
            let place = if self.is_appending {
                TO_THE_END
            } else {
                offset + done as u64
            };
            match self.file.seek_write(&bytes[done..], place) {
                Ok(0) => break,
                Ok(count) => done += count,
                // A full disk is the next write's to report: what went must be counted.
                Err(_) if done > 0 => break,
                Err(error) => return Err(errno::of_io(&error)),
            }
        }
        Ok(done)
    }

    pub fn sync(&self, data_only: bool) -> Result<(), Errno> {
        match flush(&self.file, data_only) {
            // Open for reading. Who may not write has nothing to wait for.
            Err(Errno::ACCES) => {
                let opening = looking(FILE_WRITE_DATA | FILE_READ_ATTRIBUTES);
                opening::open_again(&self.file, opening).map_or(Ok(()), |file| flush(&file, data_only))
            }
            result => result,
        }
    }

    pub fn allocate(&self, mode: u32, offset: u64, length: u64) -> Result<(), Errno> {
        let end = offset.checked_add(length).filter(|end| *end <= i64::MAX as u64);
        let end = end.ok_or(Errno::FBIG)?;
        match mode {
            0 => self.grow(end),
            ZERO_RANGE => {
                self.zero(offset, end)?;
                self.grow(end)
            }
            mode if mode == ZERO_RANGE | KEEP_SIZE => self.zero(offset, end),
            mode if mode == PUNCH_HOLE | KEEP_SIZE => {
                native::control(&self.file, FSCTL_SET_SPARSE, &[], &mut [])?;
                self.zero(offset, end)
            }
            // Windows' room beyond the end is set, not added: it could cut off what somebody else just wrote.
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn grow(&self, end: u64) -> Result<(), Errno> {
        if self.size()? < end {
            set_size(&self.file, end)
        } else {
            Ok(())
        }
    }

    fn zero(&self, start: u64, end: u64) -> Result<(), Errno> {
        let range = [start.to_le_bytes(), end.to_le_bytes()].concat();
        native::control(&self.file, FSCTL_SET_ZERO_DATA, &range, &mut []).map(|_| ())
    }

    pub fn size(&self) -> Result<u64, Errno> {
        let standard = native::query::<FILE_STANDARD_INFORMATION>(&self.file, FileStandardInformation)?;
        Ok(u64::try_from(standard.EndOfFile).unwrap_or_default())
    }

    pub fn set_size(&self, size: u64) -> Result<(), Errno> {
        set_size(&self.file, size)
    }

    pub fn seek(&self, seek: Seek) -> Result<u64, Errno> {
        let size = self.size()?;
        let (Seek::Data(start) | Seek::Hole(start)) = seek;
        if start >= size {
            return Err(Errno::NXIO);
        }
        let question = [start.to_le_bytes(), (size - start).to_le_bytes()].concat();
        let mut answer = [0; 16];
        let next = match native::control(&self.file, FSCTL_QUERY_ALLOCATED_RANGES, &question, &mut answer) {
            Ok(16) => {
                let number = |at: usize| {
                    let bytes = answer[at..].first_chunk().copied().unwrap_or_default();
                    u64::from_le_bytes(bytes)
                };
                // From a little before `start` on, perhaps: whole clusters.
                Some((
                    number(0).max(start),
                    number(0).saturating_add(number(8)).min(size),
                ))
            }
            Ok(_) => None,
            // A file system without holes.
            Err(_) => Some((start, size)),
        };
        match (seek, next) {
            (Seek::Data(_), Some((data, _))) if data < size => Ok(data),
            (Seek::Data(_), _) => Err(Errno::NXIO),
            (Seek::Hole(_), Some((data, hole))) if data == start => Ok(hole),
            (Seek::Hole(_), _) => Ok(start),
        }
    }

    /// Copies bytes to another file, or another place of this one, on the host: they need not travel to the guest and back.
    pub fn copy(&self, from: u64, target: &Self, to: u64, length: usize) -> Result<usize, Errno> {
        let is_near = from.abs_diff(to) < length as u64;
        if is_near
            && super::metadata::Identity::of(&self.file)? == super::metadata::Identity::of(&target.file)?
        {
            return Err(Errno::INVAL);
        }
        let mut buffer = vec![0; length.min(COPIED_BYTES)];
        let mut done = 0;
        while done < length {
            let step = buffer.len().min(length - done);
            let count = self.read(from + done as u64, &mut buffer[..step]);
            let result = count.and_then(|count| target.write(to + done as u64, &buffer[..count]));
            match result {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(_) if done > 0 => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(done)
    }
}

impl HostFolder {
    pub(super) fn open_file(&self, node: &Node, mode: OpenMode) -> Result<OpenFile, Errno> {
        let opening = Opening {
            access: access(mode),
            disposition: FILE_OPEN,
            options: FILE_NON_DIRECTORY_FILE | options(mode),
            attributes: 0,
        };
        let file = Arc::new(self.open_contents(node, opening)?);
        if mode.truncate {
            // Only now that it is known what was opened.
            set_size(&file, 0)?;
        }
        node.note_open(&file);
        Ok(OpenFile::new(file, mode))
    }

    pub(super) fn change_times(
        &self,
        node: &Node,
        accessed: TimeChange,
        modified: TimeChange,
    ) -> Result<(), Errno> {
        let file = self.reopen(node, looking(FILE_WRITE_ATTRIBUTES | FILE_READ_ATTRIBUTES))?;
        let change = FILE_BASIC_INFORMATION {
            LastAccessTime: ticks(accessed),
            LastWriteTime: ticks(modified),
            ..FILE_BASIC_INFORMATION::default()
        };
        native::set(&file, FileBasicInformation, change)
    }
}

fn set_size(file: &File, size: u64) -> Result<(), Errno> {
    let size = i64::try_from(size).map_err(|_| Errno::FBIG)?;
    native::set(file, FileEndOfFileInformation, size)
}

fn flush(file: &File, data_only: bool) -> Result<(), Errno> {
    let all = || file.sync_all().map_err(|error| errno::of_io(&error));
    if !data_only {
        return all();
    }
    match native::flush(file, FLUSH_DATA) {
        // NTFS only.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => all(),
        result => result,
    }
}

/// 0 keeps a time, and so does what is below it.
fn ticks(change: TimeChange) -> i64 {
    let time = match change {
        TimeChange::Keep => return 0,
        TimeChange::Now => now(),
        TimeChange::To(time) => time,
    };
    i64::try_from(time::to_ticks(time)).unwrap_or(i64::MAX).max(1)
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or_else(
        |_| Time::default(),
        |since| Time {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        },
    )
}
