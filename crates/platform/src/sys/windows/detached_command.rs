//! No console, and none of our handles.
#![expect(unsafe_code, reason = "the standard library always lets children inherit")]

use std::{io, os::windows::process::CommandExt, process::Command};

use windows_sys::Win32::{
    Foundation::{HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE, SetHandleInformation},
    System::{
        Console::{GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE},
        Threading::{CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS},
    },
};

/// Makes the command start without our console, outside our Ctrl+C, and without our standard streams.
pub fn prepare(command: &mut Command) -> io::Result<()> {
    // Everything that Rust opens is closed to children; the streams that a shell gave us are not, and a pipe that a
    // background process keeps open makes `pinnace start | more` wait for ever. Commands that ask for one of them get
    // a copy, so this takes nothing from anybody.
    for stream in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: takes a number.
        let handle = unsafe { GetStdHandle(stream) };
        if !handle.is_null() && handle != INVALID_HANDLE_VALUE {
            // SAFETY: our own standard handle; only a flag changes. A console's pseudo handle may refuse: then there
            // is nothing to inherit.
            unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) };
        }
    }
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
    Ok(())
}
