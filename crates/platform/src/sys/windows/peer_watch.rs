//! A pipe's breaking. Nothing tells of it but a read, or a look: so we look.
#![expect(unsafe_code, reason = "looking into a pipe has no safe face")]

use std::{
    io,
    os::windows::io::{AsRawHandle, OwnedHandle},
    ptr,
    time::Duration,
};

use windows_sys::Win32::{
    Foundation::{ERROR_BAD_PIPE, ERROR_BROKEN_PIPE, ERROR_PIPE_NOT_CONNECTED},
    System::Pipes::PeekNamedPipe,
};

use super::socket::Stream;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// A watch.
#[derive(Debug)]
pub struct Watch {
    pipe: OwnedHandle,
}

impl Watch {
    /// See [`crate::LocalStream::watch_peer`].
    pub fn of(stream: &Stream) -> io::Result<Self> {
        Ok(Self {
            pipe: stream.handle().try_clone_to_owned()?,
        })
    }

    /// See [`crate::PeerWatch::gone`].
    pub async fn gone(&self) {
        while !self.is_broken() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A message of length zero, a half-close, breaks nothing. A pipe whose peer is gone breaks when it is empty.
    fn is_broken(&self) -> bool {
        // SAFETY: an open pipe; nothing is asked for. The handle is for overlapped use, so no read makes this wait.
        let looked = unsafe {
            PeekNamedPipe(
                self.pipe.as_raw_handle(),
                ptr::null_mut(),
                0,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if looked != 0 {
            return false;
        }
        let error = io::Error::last_os_error();
        matches!(
            error.raw_os_error().map(i32::cast_unsigned),
            Some(ERROR_BROKEN_PIPE | ERROR_PIPE_NOT_CONNECTED | ERROR_BAD_PIPE)
        )
    }
}
