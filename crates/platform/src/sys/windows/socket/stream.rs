//! A pipe as a stream of bytes with an end in each direction.
//!
//! Messages are only a means: a message of length zero says "no more from me", which a pipe in byte mode could not say
//! without closing both directions. Docker's client and engine do the same (go-winio).

use std::{
    io,
    os::windows::io::{AsRawHandle, BorrowedHandle},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::windows::named_pipe::{NamedPipeClient, NamedPipeServer},
};
use windows_sys::Win32::System::Pipes::{GetNamedPipeClientProcessId, GetNamedPipeServerProcessId};

use crate::Peer;

/// The longest message that we send. A write is copied whole before it is sent.
const LONGEST_MESSAGE_BYTES: usize = 64 << 10;

/// A connection.
#[derive(Debug)]
pub struct Stream {
    end: End,
    /// The peer said that nothing more comes.
    read_ended: bool,
    /// We said so.
    write_ended: bool,
}

#[derive(Debug)]
enum End {
    Server(NamedPipeServer),
    Client(NamedPipeClient),
}

impl Stream {
    /// The server's end.
    pub fn server(pipe: NamedPipeServer) -> Self {
        Self {
            end: End::Server(pipe),
            read_ended: false,
            write_ended: false,
        }
    }

    /// The client's end.
    pub fn client(pipe: NamedPipeClient) -> Self {
        Self {
            end: End::Client(pipe),
            read_ended: false,
            write_ended: false,
        }
    }

    /// The pipe.
    #[expect(unsafe_code, reason = "tokio's pipes lend no handle")]
    pub fn handle(&self) -> BorrowedHandle<'_> {
        let handle = match &self.end {
            End::Server(pipe) => pipe.as_raw_handle(),
            End::Client(pipe) => pipe.as_raw_handle(),
        };
        // SAFETY: open for as long as `self` is borrowed.
        unsafe { BorrowedHandle::borrow_raw(handle) }
    }

    /// One message, or a part of a longer one.
    fn poll_message(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.end {
            End::Server(pipe) => Pin::new(pipe).poll_write(context, bytes),
            End::Client(pipe) => Pin::new(pipe).poll_write(context, bytes),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read_ended || buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match &mut self.end {
            End::Server(pipe) => ready!(Pin::new(pipe).poll_read(context, buffer)),
            End::Client(pipe) => ready!(Pin::new(pipe).poll_read(context, buffer)),
        };
        // An empty message, or a peer that closed its handle.
        self.read_ended = read.is_ok() && buffer.filled().len() == before;
        Poll::Ready(read)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        // An empty message would mean the end.
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_message(context, &bytes[..bytes.len().min(LONGEST_MESSAGE_BYTES)])
    }

    /// Windows sends what was written also after the handle is closed.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_ended {
            return Poll::Ready(Ok(()));
        }
        let said = ready!(self.poll_message(context, &[]));
        self.write_ended = true;
        match said {
            // A peer that is gone needs no word.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }
}

/// See [`crate::LocalStream::peer`].
#[expect(unsafe_code, reason = "tokio does not tell the peer's process")]
pub fn peer(stream: &Stream) -> Peer {
    let mut pid = 0;
    let known = match &stream.end {
        // SAFETY: open for as long as `stream` is borrowed.
        End::Server(pipe) => unsafe { GetNamedPipeClientProcessId(pipe.as_raw_handle(), &raw mut pid) },
        // SAFETY: as above.
        End::Client(pipe) => unsafe { GetNamedPipeServerProcessId(pipe.as_raw_handle(), &raw mut pid) },
    };
    Peer {
        uid: None,
        pid: (known != 0).then_some(pid),
    }
}
