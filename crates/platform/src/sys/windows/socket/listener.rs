//! Serving a pipe. Windows has no listening object: there is one instance per connection, and one more that waits.

use std::{ffi::OsString, io, mem};

use tokio::net::windows::named_pipe::{NamedPipeServer, PipeMode, ServerOptions};
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_NO_DATA};

use super::Stream;
use crate::{
    LocalAddress, LocalSocketError,
    sys::windows::security::{pipe_descriptor, with_attributes},
};

/// What one instance buffers in each direction.
const BUFFER_BYTES: u32 = 64 << 10;

/// A listener.
#[derive(Debug)]
pub struct Listener {
    name: OsString,
    descriptor: String,
    /// The instance that takes the next connection. `None` after Windows refused to make one.
    waiting: Option<NamedPipeServer>,
}

impl Listener {
    /// See [`crate::LocalListener::bind`]. A pipe dies with its last handle, so there are no stale ones.
    pub fn bind(address: &LocalAddress) -> Result<Self, LocalSocketError> {
        let wrong = || LocalSocketError::WrongKind {
            address: address.clone(),
        };
        let name = address.pipe_name().ok_or_else(wrong)?.to_owned();
        let failed = |source: io::Error| match source.raw_os_error() {
            // What asking for the first instance answers when there is one.
            Some(code) if code == ERROR_ACCESS_DENIED.cast_signed() => LocalSocketError::InUse {
                address: address.clone(),
            },
            _ => LocalSocketError::Listen {
                address: address.clone(),
                source,
            },
        };
        let descriptor = pipe_descriptor().map_err(failed)?;
        let first = instance(&name, &descriptor, true).map_err(failed)?;
        Ok(Self {
            name,
            descriptor,
            waiting: Some(first),
        })
    }

    /// See [`crate::LocalListener::accept`]. The descriptor has kept other users out already.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        loop {
            let waiting = match &mut self.waiting {
                Some(waiting) => waiting,
                none => none.insert(instance(&self.name, &self.descriptor, false)?),
            };
            match waiting.connect().await {
                Ok(()) => {}
                // It came and went before we looked.
                Err(error) if error.raw_os_error() == Some(ERROR_NO_DATA.cast_signed()) => {
                    waiting.disconnect()?;
                    continue;
                }
                Err(error) => {
                    self.waiting = None;
                    return Err(error);
                }
            }
            // The next one first, so that a client always finds an instance.
            let next = instance(&self.name, &self.descriptor, false)
                .inspect_err(|error| tracing::warn!(%error, "failed to open another pipe instance"))
                .ok();
            if let Some(connected) = mem::replace(&mut self.waiting, next) {
                return Ok(Stream::server(connected));
            }
        }
    }
}

#[expect(unsafe_code, reason = "a descriptor goes to tokio as a raw pointer")]
fn instance(name: &OsString, descriptor: &str, first: bool) -> io::Result<NamedPipeServer> {
    let mut options = ServerOptions::new();
    options
        .pipe_mode(PipeMode::Message)
        .first_pipe_instance(first)
        .reject_remote_clients(true)
        .in_buffer_size(BUFFER_BYTES)
        .out_buffer_size(BUFFER_BYTES);
    with_attributes(descriptor, |attributes| {
        // SAFETY: the attributes are valid until the closure returns, and the call does not keep them.
        unsafe { options.create_with_security_attributes_raw(name, attributes.cast_mut().cast()) }
    })
}
