//! The boot session.
#![expect(unsafe_code, reason = "sysctl has no safe face")]

use std::{ffi::CStr, ptr};

/// An UUID with its final zero, and space to spare.
const LONGEST_BYTES: usize = 64;

/// The kernel makes one up at every boot.
pub fn boot_id() -> Option<String> {
    let mut text = [0u8; LONGEST_BYTES];
    let mut length = text.len();
    // SAFETY: the name ends with a zero; `text` has `length` bytes to write to, and nothing is set.
    let result = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &raw mut length,
            ptr::null_mut(),
            0,
        )
    };
    if result != 0 {
        return None;
    }
    let id = CStr::from_bytes_until_nul(&text).ok()?.to_str().ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}
