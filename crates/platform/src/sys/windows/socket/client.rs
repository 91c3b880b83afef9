//! Connecting to a pipe.

use std::{
    ffi::OsStr,
    io,
    os::windows::io::{AsRawHandle, BorrowedHandle},
    time::Duration,
};

use tokio::{
    net::windows::named_pipe::{ClientOptions, NamedPipeClient, PipeMode},
    time::{Instant, sleep},
};
use windows_sys::Win32::{Foundation::ERROR_PIPE_BUSY, Storage::FileSystem::SECURITY_IDENTIFICATION};

use super::Stream;
use crate::{LocalAddress, sys::windows::security::owner_of_pipe};

/// How long a busy server may take to open its next instance. It does so at once after each accept.
const BUSY_LIMIT: Duration = Duration::from_secs(10);
/// Between two attempts.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// See [`crate::LocalStream::connect`].
pub async fn connect(address: &LocalAddress) -> io::Result<Stream> {
    let name = address
        .pipe_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
    let deadline = Instant::now() + BUSY_LIMIT;
    let pipe = loop {
        match open(name) {
            Err(error)
                if error.raw_os_error() == Some(ERROR_PIPE_BUSY.cast_signed())
                    && Instant::now() < deadline =>
            {
                sleep(BUSY_PAUSE).await;
            }
            other => break other?,
        }
    };
    check_server(&pipe)?;
    Ok(Stream::client(pipe))
}

fn open(name: &OsStr) -> io::Result<NamedPipeClient> {
    ClientOptions::new()
        .pipe_mode(PipeMode::Message)
        // A server that is not ours may learn who we are, and not act as us.
        .security_qos_flags(SECURITY_IDENTIFICATION)
        .open(name)
}

/// Names of pipes belong to whoever takes them first.
#[expect(unsafe_code, reason = "tokio's pipes lend no handle")]
fn check_server(pipe: &NamedPipeClient) -> io::Result<()> {
    // SAFETY: open for as long as `pipe` is borrowed.
    let handle = unsafe { BorrowedHandle::borrow_raw(pipe.as_raw_handle()) };
    if owner_of_pipe(handle)?.is_us()? {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "another user listens there",
    ))
}
