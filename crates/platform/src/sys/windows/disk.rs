//! Space on disks.
#![expect(unsafe_code, reason = "the standard library does not know sparse files")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::windows::io::AsRawHandle,
    path::Path,
    ptr,
};

use windows_sys::Win32::{
    Foundation::{NO_ERROR, SetLastError},
    Storage::FileSystem::{GetCompressedFileSizeW, GetDiskFreeSpaceExW, INVALID_FILE_SIZE},
    System::{IO::DeviceIoControl, Ioctl::FSCTL_SET_SPARSE},
};

use super::wide::wide;

/// What our user may still write, quotas included.
pub fn free_space(path: &Path) -> io::Result<u64> {
    // It asks for a folder; a file's own is on the same disk.
    let folder = if path.metadata()?.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let name = wide(folder);
    let mut bytes = 0;
    // SAFETY: the name ends with a zero; the other results are not asked for.
    let result =
        unsafe { GetDiskFreeSpaceExW(name.as_ptr(), &raw mut bytes, ptr::null_mut(), ptr::null_mut()) };
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(bytes)
    }
}

/// What the file takes.
pub fn allocated_bytes(path: &Path) -> io::Result<u64> {
    let name = wide(path);
    let mut high = 0;
    // SAFETY: sets a number of this thread. Below, only this tells a failure from a size that looks like one.
    unsafe { SetLastError(NO_ERROR) };
    // SAFETY: the name ends with a zero.
    let low = unsafe { GetCompressedFileSizeW(name.as_ptr(), &raw mut high) };
    let error = io::Error::last_os_error();
    if low == INVALID_FILE_SIZE && error.raw_os_error() != Some(NO_ERROR.cast_signed()) {
        return Err(error);
    }
    Ok(u64::from(high) << 32 | u64::from(low))
}

/// Access comes from the folder's list.
pub fn private(_options: &mut OpenOptions) {}

/// Without it a file takes space up to the last byte that was written.
pub fn mark_sparse(file: &File) -> io::Result<()> {
    let mut returned = 0;
    // SAFETY: an open file; the request takes and gives no data.
    let result = unsafe {
        DeviceIoControl(
            file.as_raw_handle(),
            FSCTL_SET_SPARSE,
            ptr::null(),
            0,
            ptr::null_mut(),
            0,
            &raw mut returned,
            ptr::null_mut(),
        )
    };
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
