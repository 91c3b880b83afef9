//! The endpoints on which programs of the same user talk to each other: Unix sockets, and named pipes on Windows.
//!
//! Nobody else can connect at any moment: the socket lies in a folder that only its owner may enter, is itself closed
//! to others, and every peer's user is checked after that. A pipe carries a descriptor from its creation on.

use std::{
    io,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{LocalAddress, LockError, sys::os};

/// Accepts connections of this user.
#[derive(Debug)]
pub struct LocalListener(os::socket::Listener);

/// A connection with another program of this user.
///
/// `poll_shutdown` ends our direction only: the peer reads an end of file and may go on writing. On a named pipe that
/// is a message of length zero, as Docker's own client does it.
#[derive(Debug)]
pub struct LocalStream(os::socket::Stream);

/// Who is at the other end, as far as the OS tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The user's number on Unix hosts.
    pub uid: Option<u32>,
    /// The process that connected, or that listens. It may have handed the connection on.
    pub pid: Option<u32>,
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum LocalSocketError {
    /// A live program listens there.
    #[error("failed to listen on {address}: another program is listening there")]
    InUse {
        /// Where.
        address: LocalAddress,
    },
    /// What is there is no socket; it was left alone.
    #[error("failed to listen on {}: there is a file that is no socket; move it away", path.display())]
    NotASocket {
        /// What is in the way.
        path: PathBuf,
    },
    /// Other users could reach into the socket's folder.
    #[error("failed to listen in {}: other users may enter this folder; run chmod 700 on it", folder.display())]
    NotPrivate {
        /// The socket's folder.
        folder: PathBuf,
    },
    /// A pipe's name on a Unix host, or a socket's path on Windows.
    #[error("failed to listen on {address}: this host has no endpoints of this kind")]
    WrongKind {
        /// Where.
        address: LocalAddress,
    },
    /// The lock that tells a stale socket from one being bound.
    #[error("failed to listen on {address}")]
    Lock {
        /// Where.
        address: LocalAddress,
        /// What about the lock.
        source: LockError,
    },
    /// The OS refused.
    #[error("failed to listen on {address}")]
    Listen {
        /// Where.
        address: LocalAddress,
        /// What the OS said.
        source: io::Error,
    },
}

impl LocalListener {
    /// Listens at the address. Call it on a tokio runtime.
    ///
    /// A stale socket is replaced, one with a live listener is refused, anything else in the way is left alone and
    /// refused. Dropping the listener removes its socket.
    pub fn bind(address: &LocalAddress) -> Result<Self, LocalSocketError> {
        os::socket::Listener::bind(address).map(Self)
    }

    /// Waits for the next connection of this user. Connections of other users (root aside, who could read our memory
    /// anyway) are dropped without an answer. Cancel safe.
    pub async fn accept(&mut self) -> io::Result<LocalStream> {
        self.0.accept().await.map(LocalStream)
    }
}

impl LocalStream {
    /// Connects to a listener of this user, waiting a moment when it is busy. Fails with
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) when another user listens there.
    pub async fn connect(address: &LocalAddress) -> io::Result<Self> {
        os::socket::connect(address).await.map(Self)
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Peer {
        os::socket::peer(&self.0)
    }

    pub(crate) fn inner(&self) -> &os::socket::Stream {
        &self.0
    }
}

impl AsyncRead for LocalStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for LocalStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(all(test, unix))]
mod tests;
