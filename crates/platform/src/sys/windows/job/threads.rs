//! Letting a suspended process run. The standard library keeps the process's handle and closes its thread's.

use std::{
    io,
    os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle},
};

use windows_sys::Win32::{
    Foundation::INVALID_HANDLE_VALUE,
    System::{
        Diagnostics::ToolHelp::{
            CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
        },
        Threading::{OpenThread, ResumeThread, THREAD_SUSPEND_RESUME},
    },
};

/// What [`ResumeThread`] answers when it fails.
const FAILED: u32 = u32::MAX;

/// Resumes the threads of a process: one, when it was just created. Its number is its own while its handle is open.
pub fn resume(pid: u32) -> io::Result<()> {
    // SAFETY: takes numbers.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just created, owned by nobody else.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut thread = THREADENTRY32 {
        dwSize: size_of::<THREADENTRY32>() as u32,
        ..THREADENTRY32::default()
    };
    let mut resumed = false;
    // SAFETY: an open snapshot, and a structure that says its own length.
    let mut more = unsafe { Thread32First(snapshot.as_raw_handle(), &raw mut thread) };
    while more != 0 {
        if thread.th32OwnerProcessID == pid {
            resume_thread(thread.th32ThreadID)?;
            resumed = true;
        }
        // SAFETY: as above.
        more = unsafe { Thread32Next(snapshot.as_raw_handle(), &raw mut thread) };
    }
    if resumed {
        Ok(())
    } else {
        Err(io::Error::other("the new process has no thread"))
    }
}

fn resume_thread(id: u32) -> io::Result<()> {
    // SAFETY: takes numbers.
    let thread = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, id) };
    if thread.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, owned by nobody else.
    let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
    // SAFETY: an open thread.
    match unsafe { ResumeThread(thread.as_raw_handle()) } {
        FAILED => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
