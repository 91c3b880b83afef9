//! Who owns what, and descriptors that let in nobody else.
#![expect(unsafe_code, reason = "the security functions have no safe face")]

mod owner;
mod user;

use std::{io, path::Path, ptr};

use windows_sys::{
    Win32::{
        Foundation::{ERROR_ALREADY_EXISTS, LocalFree},
        Security::{
            Authorization::{ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1},
            SECURITY_ATTRIBUTES,
        },
        Storage::FileSystem::CreateDirectoryW,
    },
    core::BOOL,
};

pub use owner::{owner_of_file, owner_of_pipe};
use user::current_user;

use super::wide::wide;

/// The descriptor of a pipe in Windows' own notation: our user owns it; only that user and the system may use it.
pub fn pipe_descriptor() -> io::Result<String> {
    let user = current_user()?.text()?;
    Ok(format!("O:{user}G:{user}D:P(A;;GA;;;{user})(A;;GA;;;SY)"))
}

/// Creates a folder for our user, administrators and the system; what is in it inherits that. Exists already: fine.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    let user = current_user()?.text()?;
    let descriptor = format!("O:{user}D:P(A;OICI;FA;;;{user})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)");
    let name = wide(path);
    with_attributes(&descriptor, |attributes| {
        // SAFETY: the name ends with a zero and the attributes live until the closure ends.
        check(unsafe { CreateDirectoryW(name.as_ptr(), attributes) })
    })
    .or_else(|error| match error.raw_os_error() {
        Some(code) if code == ERROR_ALREADY_EXISTS.cast_signed() => Ok(()),
        _ => Err(error),
    })
}

/// Calls `create` with attributes that carry the descriptor and are valid until it returns.
pub fn with_attributes<T>(
    descriptor: &str,
    create: impl FnOnce(*const SECURITY_ATTRIBUTES) -> io::Result<T>,
) -> io::Result<T> {
    let text = wide(descriptor);
    let mut parsed = ptr::null_mut();
    // SAFETY: the text ends with a zero; on success `parsed` is ours to free.
    check(unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut parsed,
            ptr::null_mut(),
        )
    })?;
    let parsed = Local(parsed);
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: parsed.0,
        bInheritHandle: 0,
    };
    create(&raw const attributes)
}

/// Memory that a function of Windows allocated for us.
struct Local(*mut core::ffi::c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: allocated by Windows for us, freed once.
        unsafe { LocalFree(self.0) };
    }
}

fn check(result: BOOL) -> io::Result<()> {
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
