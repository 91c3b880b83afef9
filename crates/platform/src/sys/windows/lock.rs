//! File locks. Windows enforces them, so the locked byte lies far behind the content, which stays readable.
#![expect(unsafe_code, reason = "the standard library only locks whole files")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::windows::io::AsRawHandle,
    path::Path,
};

use windows_sys::Win32::{
    Foundation::{ERROR_IO_PENDING, ERROR_LOCK_VIOLATION},
    Storage::FileSystem::{LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx},
    System::IO::{OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0},
};

/// Where the locked byte lies. Locking it does not make the file longer.
const LOCKED_OFFSET: u32 = 1 << 30;

/// Opens the lock file, creating it.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Whether we hold the lock now.
pub fn try_lock(file: &File) -> io::Result<bool> {
    let place = OVERLAPPED_0 {
        Anonymous: OVERLAPPED_0_0 {
            Offset: LOCKED_OFFSET,
            OffsetHigh: 0,
        },
    };
    let mut overlapped = OVERLAPPED {
        Anonymous: place,
        ..OVERLAPPED::default()
    };
    // SAFETY: an open file that is not for overlapped use, so the call is over when it returns.
    let result = unsafe {
        LockFileEx(
            file.as_raw_handle(),
            LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY,
            0,
            1,
            0,
            &raw mut overlapped,
        )
    };
    if result != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
        _ => Err(error),
    }
}
