//! What is asked of an open file: the calls of Windows' kernel, which know more than Win32's and say why they fail.
//!
//! All handles are for one call at a time (`FILE_SYNCHRONOUS_IO_NONALERT`), so no call returns before it is done. What
//! travels is copied to and from buffers that are aligned as the kernel wants them.
#![expect(unsafe_code, reason = "the kernel's interface")]

use std::{
    fs::File,
    mem::{offset_of, size_of},
    os::windows::io::AsRawHandle as _,
    ptr,
};

use windows_sys::{
    Wdk::{
        Storage::FileSystem::{
            FILE_BASIC_INFORMATION, FILE_EA_INFORMATION, FILE_ID_INFORMATION, FILE_INTERNAL_INFORMATION,
            FILE_STANDARD_INFORMATION, FileIdBothDirectoryInformation, NtFlushBuffersFileEx, NtFsControlFile,
            NtQueryDirectoryFile, NtQueryEaFile, NtQueryInformationFile, NtQueryVolumeInformationFile,
            NtSetEaFile, NtSetInformationFile,
        },
        System::SystemServices::FILE_FS_FULL_SIZE_INFORMATION,
    },
    Win32::{
        Foundation::{
            HANDLE, RtlNtStatusToDosError, STATUS_BUFFER_OVERFLOW, STATUS_NO_MORE_FILES, STATUS_NO_SUCH_FILE,
        },
        Storage::FileSystem::{FILE_ATTRIBUTE_TAG_INFO, FILE_RENAME_INFO},
        System::IO::IO_STATUS_BLOCK,
    },
};

use super::errno;
use crate::Errno;

/// A structure of numbers, for which any bytes are a value.
///
/// # Safety
///
/// Holds no reference, no `bool` that Windows might not have written as 0 or 1, and nothing with a forbidden value.
pub unsafe trait Numbers: Copy {}

// SAFETY: numbers only.
unsafe impl Numbers for FILE_BASIC_INFORMATION {}
// SAFETY: numbers, and two booleans that the kernel writes as 0 or 1.
unsafe impl Numbers for FILE_STANDARD_INFORMATION {}
// SAFETY: numbers only.
unsafe impl Numbers for FILE_ATTRIBUTE_TAG_INFO {}
// SAFETY: numbers only.
unsafe impl Numbers for FILE_EA_INFORMATION {}
// SAFETY: numbers only.
unsafe impl Numbers for FILE_INTERNAL_INFORMATION {}
// SAFETY: numbers only.
unsafe impl Numbers for FILE_ID_INFORMATION {}
// SAFETY: numbers only.
unsafe impl Numbers for FILE_FS_FULL_SIZE_INFORMATION {}
// SAFETY: a number.
unsafe impl Numbers for i64 {}
// SAFETY: a number.
unsafe impl Numbers for u32 {}
// SAFETY: a number.
unsafe impl Numbers for u8 {}

/// What the kernel knows about a file, by the number of the question.
pub fn query<T: Numbers>(file: &File, class: i32) -> Result<T, Errno> {
    // SAFETY: any bytes are a value of these types.
    let mut answer: T = unsafe { std::mem::zeroed() };
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and the answer is as long as is said.
    let status = unsafe {
        NtQueryInformationFile(
            raw(file),
            &raw mut status_block,
            (&raw mut answer).cast(),
            size_of::<T>() as u32,
            class,
        )
    };
    check(status)?;
    Ok(answer)
}

/// What the kernel knows about a file, of any length: as much as there is room for.
pub fn query_bytes(file: &File, class: i32, output: &mut [u8]) -> Result<usize, Errno> {
    let mut answer = vec![0_u64; output.len().div_ceil(8)];
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and the buffer is as long as is said.
    let status = unsafe {
        NtQueryInformationFile(
            raw(file),
            &raw mut status_block,
            answer.as_mut_ptr().cast(),
            output.len() as u32,
            class,
        )
    };
    if status != STATUS_BUFFER_OVERFLOW {
        check(status)?;
    }
    let count = status_block.Information.min(output.len());
    copy_bytes(&answer, &mut output[..count]);
    Ok(count)
}

/// What the kernel knows about a file's volume.
pub fn query_volume<T: Numbers>(file: &File, class: i32) -> Result<T, Errno> {
    // SAFETY: any bytes are a value of these types.
    let mut answer: T = unsafe { std::mem::zeroed() };
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and the answer is as long as is said.
    let status = unsafe {
        NtQueryVolumeInformationFile(
            raw(file),
            &raw mut status_block,
            (&raw mut answer).cast(),
            size_of::<T>() as u32,
            class,
        )
    };
    check(status)?;
    Ok(answer)
}

/// Tells the kernel something about a file.
pub fn set<T: Numbers>(file: &File, class: i32, value: T) -> Result<(), Errno> {
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and the value is as long as is said.
    let status = unsafe {
        NtSetInformationFile(
            raw(file),
            &raw mut status_block,
            (&raw const value).cast(),
            size_of::<T>() as u32,
            class,
        )
    };
    check(status)
}

/// Gives a file a name: `FileRenameInformation` and `FileLinkInformation`, with or without `Ex`, which share one layout.
pub fn set_name(file: &File, class: i32, flags: u32, folder: &File, name: &[u16]) -> Result<(), Errno> {
    let start = offset_of!(FILE_RENAME_INFO, FileName);
    let length = (start + size_of_val(name)).max(size_of::<FILE_RENAME_INFO>());
    let mut buffer = vec![0_u64; length.div_ceil(8)];
    let target = buffer.as_mut_ptr().cast::<FILE_RENAME_INFO>();
    // SAFETY: the buffer is aligned as the structure is and long enough for it and the name behind it. It stays in place,
    // and the handle of the folder stays open, during the call.
    let status = unsafe {
        (*target).Anonymous.Flags = flags;
        (*target).RootDirectory = raw(folder);
        (*target).FileNameLength = size_of_val(name) as u32;
        let characters = target.cast::<u8>().add(start).cast::<u16>();
        ptr::copy_nonoverlapping(name.as_ptr(), characters, name.len());
        let mut status_block = IO_STATUS_BLOCK::default();
        NtSetInformationFile(
            raw(file),
            &raw mut status_block,
            target.cast_const().cast(),
            length as u32,
            class,
        )
    };
    check(status)
}

/// Asks a file's file system for something of its own (`FSCTL_…`), and returns how many bytes it answered.
pub fn control(file: &File, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Errno> {
    let input_copy = aligned(input);
    let mut answer = vec![0_u64; output.len().div_ceil(8)];
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and both buffers are as long as is said.
    let status = unsafe {
        NtFsControlFile(
            raw(file),
            ptr::null_mut(),
            None,
            ptr::null(),
            &raw mut status_block,
            code,
            input_copy.as_ptr().cast(),
            input.len() as u32,
            answer.as_mut_ptr().cast(),
            output.len() as u32,
        )
    };
    // As much as there is room for is what was asked for.
    if status != STATUS_BUFFER_OVERFLOW {
        check(status)?;
    }
    let count = status_block.Information.min(output.len());
    copy_bytes(&answer, &mut output[..count]);
    Ok(count)
}

/// The next entries of a folder, as `FILE_ID_BOTH_DIR_INFORMATION`; none at the end.
pub fn list(folder: &File, buffer: &mut [u8], from_start: bool) -> Result<usize, Errno> {
    let mut answer = vec![0_u64; buffer.len().div_ceil(8)];
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and the buffer is as long as is said.
    let status = unsafe {
        NtQueryDirectoryFile(
            raw(folder),
            ptr::null_mut(),
            None,
            ptr::null(),
            &raw mut status_block,
            answer.as_mut_ptr().cast(),
            buffer.len() as u32,
            FileIdBothDirectoryInformation,
            false,
            ptr::null(),
            from_start,
        )
    };
    if matches!(status, STATUS_NO_MORE_FILES | STATUS_NO_SUCH_FILE) {
        return Ok(0);
    }
    check(status)?;
    let count = status_block.Information.min(buffer.len());
    copy_bytes(&answer, &mut buffer[..count]);
    Ok(count)
}

/// Reads extended attributes, as `FILE_FULL_EA_INFORMATION`: those of `wanted`, or all when that is empty.
pub fn read_attributes(file: &File, wanted: &[u8], most: usize) -> Result<Vec<u8>, Errno> {
    let names = aligned(wanted);
    let mut answer = vec![0_u64; most.div_ceil(8)];
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and both buffers are as long as is said.
    let status = unsafe {
        NtQueryEaFile(
            raw(file),
            &raw mut status_block,
            answer.as_mut_ptr().cast(),
            most as u32,
            false,
            if wanted.is_empty() {
                ptr::null()
            } else {
                names.as_ptr().cast()
            },
            wanted.len() as u32,
            ptr::null(),
            true,
        )
    };
    check(status)?;
    let mut list = vec![0; status_block.Information.min(most)];
    copy_bytes(&answer, &mut list);
    Ok(list)
}

/// Writes extended attributes; one without a value is removed.
pub fn write_attributes(file: &File, list: &[u8]) -> Result<(), Errno> {
    let copy = aligned(list);
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and the buffer is as long as is said.
    let status = unsafe {
        NtSetEaFile(
            raw(file),
            &raw mut status_block,
            copy.as_ptr().cast(),
            list.len() as u32,
        )
    };
    check(status)
}

/// Waits until a file is on the disk. The handle must be for writing.
pub fn flush(file: &File, flags: u32) -> Result<(), Errno> {
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and there are no parameters.
    let status = unsafe { NtFlushBuffersFileEx(raw(file), flags, ptr::null(), 0, &raw mut status_block) };
    check(status)
}

/// The handle, for a call while the file is borrowed.
pub fn raw(file: &File) -> HANDLE {
    file.as_raw_handle().cast()
}

/// The answer to a call.
pub fn check(status: i32) -> Result<(), Errno> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: a table of numbers.
    let win32 = |status: u32| unsafe { RtlNtStatusToDosError(status.cast_signed()) };
    Err(errno::of_status(status.cast_unsigned(), win32))
}

/// The bytes at an address that suits every structure.
fn aligned(bytes: &[u8]) -> Vec<u64> {
    let word = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    };
    bytes.chunks(8).map(word).collect()
}

fn copy_bytes(words: &[u64], bytes: &mut [u8]) {
    for (chunk, word) in bytes.chunks_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_ne_bytes()[..chunk.len()]);
    }
}
