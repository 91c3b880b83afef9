//! The owner of a file, a folder or a pipe.

use std::{
    io,
    os::windows::io::{AsRawHandle, BorrowedHandle},
    path::Path,
    ptr,
};

use windows_sys::Win32::{
    Foundation::ERROR_SUCCESS,
    Security::{
        Authorization::{GetNamedSecurityInfoW, GetSecurityInfo, SE_FILE_OBJECT, SE_KERNEL_OBJECT},
        IsWellKnownSid, OWNER_SECURITY_INFORMATION, PSID, WinBuiltinAdministratorsSid, WinLocalSystemSid,
    },
};

use super::{Local, current_user};
use crate::sys::windows::wide::wide;

/// An owner; it points into the descriptor that it came with.
pub struct Owner {
    sid: PSID,
    _descriptor: Local,
}

impl Owner {
    /// Whether it is our user.
    pub fn is_us(&self) -> io::Result<bool> {
        let user = current_user()?;
        // SAFETY: valid as long as the descriptor, which we hold.
        Ok(unsafe { user.is(self.sid) })
    }

    /// Whether it is our user, the administrators or the system.
    pub fn is_trusted(&self) -> io::Result<bool> {
        // SAFETY: valid as long as the descriptor, which we hold.
        let known = |kind| unsafe { IsWellKnownSid(self.sid, kind) != 0 };
        Ok(known(WinBuiltinAdministratorsSid) || known(WinLocalSystemSid) || self.is_us()?)
    }
}

/// The owner of a file or folder.
pub fn owner_of_file(path: &Path) -> io::Result<Owner> {
    let name = wide(path);
    let mut sid = ptr::null_mut();
    let mut descriptor = ptr::null_mut();
    // SAFETY: the name ends with a zero; on success `descriptor` is ours to free and `sid` points into it.
    let result = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut sid,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    owner(result, sid, descriptor)
}

/// The owner of an open pipe: whoever created its first instance.
pub fn owner_of_pipe(pipe: BorrowedHandle<'_>) -> io::Result<Owner> {
    let mut sid = ptr::null_mut();
    let mut descriptor = ptr::null_mut();
    // SAFETY: an open handle; on success `descriptor` is ours to free and `sid` points into it.
    let result = unsafe {
        GetSecurityInfo(
            pipe.as_raw_handle(),
            SE_KERNEL_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut sid,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    owner(result, sid, descriptor)
}

fn owner(result: u32, sid: PSID, descriptor: *mut core::ffi::c_void) -> io::Result<Owner> {
    if result != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(result.cast_signed()));
    }
    let descriptor = Local(descriptor);
    if sid.is_null() {
        return Err(io::Error::other("it has no owner"));
    }
    Ok(Owner {
        sid,
        _descriptor: descriptor,
    })
}
