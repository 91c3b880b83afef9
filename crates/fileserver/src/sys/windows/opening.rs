//! Opening.
//!
//! Win32 opens by paths. The kernel opens by a handle and what is below it, which is all that a volume wants:
//!
//! ```text
//!   open_name   a folder's handle and one name
//!   open_id     any handle of the volume and a file's number
//!   open_again  a handle, for other rights
//! ```
//!
//! No open ever follows a link: `OBJ_DONT_REPARSE` makes the kernel refuse, where `FILE_OPEN_REPARSE_POINT` would not have
//! made the link itself the one that is opened. Everybody else may read, write and delete what is open meanwhile.
#![expect(unsafe_code, reason = "the kernel's interface")]

use std::{fs::File, os::windows::io::FromRawHandle as _, ptr};

use windows_sys::{
    Wdk::{
        Foundation::OBJECT_ATTRIBUTES,
        Storage::FileSystem::{FILE_OPEN_BY_FILE_ID, FILE_SYNCHRONOUS_IO_NONALERT, NtCreateFile},
    },
    Win32::{
        Foundation::{HANDLE, OBJ_CASE_INSENSITIVE, OBJ_DONT_REPARSE, UNICODE_STRING},
        Storage::FileSystem::{FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, SYNCHRONIZE},
        System::IO::IO_STATUS_BLOCK,
    },
};

use super::native::{check, raw};
use crate::Errno;

/// How something is opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// `FILE_READ_DATA` and the like; `SYNCHRONIZE` comes along.
    pub access: u32,
    /// `FILE_OPEN` or `FILE_CREATE`.
    pub disposition: u32,
    /// `FILE_DIRECTORY_FILE` and the like.
    pub options: u32,
    /// Those of what is made.
    pub attributes: u32,
}

/// Opens or makes what has this name in a folder. `EINVAL` for what is no single name: the kernel would take a path, or
/// a stream of a file.
pub fn open_name(folder: &File, name: &[u16], opening: Opening) -> Result<File, Errno> {
    let is_separator = |unit: &u16| matches!(u8::try_from(*unit), Ok(0 | b'/' | b'\\' | b':'));
    if name.is_empty() || name.iter().any(is_separator) {
        return Err(Errno::INVAL);
    }
    open(folder, name, opening)
}

/// Opens the file of this number, wherever it is. `volume` is any handle of its volume.
pub fn open_id(volume: &File, id: u128, opening: Opening) -> Result<File, Errno> {
    let mut units = [0; 8];
    for (index, unit) in units.iter_mut().enumerate() {
        *unit = (id >> (16 * index)) as u16;
    }
    // NTFS has numbers of 8 bytes, ReFS of 16, and the length says which.
    let length = if id >> 64 == 0 { 4 } else { 8 };
    let opening = Opening {
        options: opening.options | FILE_OPEN_BY_FILE_ID,
        ..opening
    };
    open(volume, &units[..length], opening)
}

/// Opens what a handle stands for once more.
pub fn open_again(file: &File, opening: Opening) -> Result<File, Errno> {
    open(file, &[], opening)
}

fn open(root: &File, name: &[u16], opening: Opening) -> Result<File, Errno> {
    let length = u16::try_from(size_of_val(name)).map_err(|_| Errno::NAMETOOLONG)?;
    // The kernel reads numbers of files as whole ones: aligned to 8.
    let mut aligned = vec![0_u64; name.len().div_ceil(4).max(1)];
    for (index, unit) in name.iter().enumerate() {
        aligned[index / 4] |= u64::from(*unit) << (16 * (index % 4));
    }
    let name = UNICODE_STRING {
        Length: length,
        MaximumLength: length,
        Buffer: aligned.as_mut_ptr().cast(),
    };
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: raw(root),
        ObjectName: &raw const name,
        Attributes: OBJ_CASE_INSENSITIVE | OBJ_DONT_REPARSE,
        SecurityDescriptor: ptr::null(),
        SecurityQualityOfService: ptr::null(),
    };
    let mut handle: HANDLE = ptr::null_mut();
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: all pointers are to what outlives the call; the name's length is that of its buffer.
    let status = unsafe {
        NtCreateFile(
            &raw mut handle,
            opening.access | SYNCHRONIZE,
            &raw const attributes,
            &raw mut status_block,
            ptr::null(),
            opening.attributes,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            opening.disposition,
            opening.options | FILE_SYNCHRONOUS_IO_NONALERT,
            ptr::null(),
            0,
        )
    };
    check(status)?;
    // SAFETY: the kernel just gave this handle, and nobody else has it.
    Ok(unsafe { File::from_raw_handle(handle.cast()) })
}
