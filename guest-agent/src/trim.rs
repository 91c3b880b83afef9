//! The FITRIM request (linux/fs.h).
#![expect(unsafe_code, reason = "an ioctl has no safe form")]

use rustix::{
    fd::BorrowedFd,
    io,
    ioctl::{self, Updater, opcode},
};

/// `struct fstrim_range`.
#[repr(C)]
struct Range {
    start: u64,
    length: u64,
    min_length: u64,
}

/// Discards all unused blocks of the file system that the folder is on. Returns how many bytes.
pub fn trim(folder: BorrowedFd<'_>) -> io::Result<u64> {
    const FITRIM: ioctl::Opcode = opcode::read_write::<Range>(b'X', 121);
    let mut range = Range {
        start: 0,
        length: u64::MAX,
        min_length: 0,
    };
    // SAFETY: FITRIM reads and writes one `fstrim_range`, which `Range` has the layout of.
    unsafe { ioctl::ioctl(folder, Updater::<FITRIM, Range>::new(&mut range)) }?;
    Ok(range.length)
}
