//! Our own user.

use std::{
    io,
    os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle},
    ptr, slice,
};

use windows_sys::Win32::{
    Security::{
        Authorization::ConvertSidToStringSidW, EqualSid, GetTokenInformation, PSID, TOKEN_QUERY, TOKEN_USER,
        TokenUser,
    },
    System::Threading::{GetCurrentProcess, OpenProcessToken},
};

use super::{Local, check};

/// A user's identity. The structure starts the buffer and points into it.
pub struct User(Vec<u64>);

/// The user whom this process runs as.
pub fn current_user() -> io::Result<User> {
    let mut token = ptr::null_mut();
    // SAFETY: on success the token is ours to close.
    check(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) })?;
    // SAFETY: just opened, owned by nobody else.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    let mut length = 0;
    // SAFETY: asks for the length only; failing is how it answers.
    unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            ptr::null_mut(),
            0,
            &raw mut length,
        )
    };
    if length == 0 {
        return Err(io::Error::last_os_error());
    }
    // Words, so that the structure in it is aligned.
    let mut buffer = vec![0u64; (length as usize).div_ceil(size_of::<u64>())];
    // SAFETY: the buffer has at least `length` bytes.
    check(unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            buffer.as_mut_ptr().cast(),
            length,
            &raw mut length,
        )
    })?;
    Ok(User(buffer))
}

impl User {
    /// Whether the other identity is this one.
    ///
    /// # Safety
    /// `other` must be a valid identity.
    pub unsafe fn is(&self, other: PSID) -> bool {
        // SAFETY: both are valid, ours by construction.
        unsafe { EqualSid(self.sid(), other) != 0 }
    }

    /// `S-1-5-…`
    pub fn text(&self) -> io::Result<String> {
        let mut text = ptr::null_mut();
        // SAFETY: a valid identity; on success `text` is ours to free.
        check(unsafe { ConvertSidToStringSidW(self.sid(), &raw mut text) })?;
        let owned = Local(text.cast());
        // SAFETY: the text ends with a zero and lives as long as `owned`.
        let length = (0..)
            .take_while(|index| unsafe { *text.add(*index) } != 0)
            .count();
        // SAFETY: as above.
        let read = String::from_utf16_lossy(unsafe { slice::from_raw_parts(text, length) });
        drop(owned);
        Ok(read)
    }

    fn sid(&self) -> PSID {
        // SAFETY: the buffer was filled with this structure and is aligned for it.
        unsafe { (*self.0.as_ptr().cast::<TOKEN_USER>()).User.Sid }
    }
}
