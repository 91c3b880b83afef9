//! Learning that a connection's peer is gone, while others read and write the connection.
//!
//! An end of file says only that the peer will write no more: Docker's client half-closes its attach connection at once
//! and goes on reading. That it is gone shows in the socket's state, which can be asked for without reading.

use std::io;

use crate::{LocalStream, sys::os};

/// Watches one connection. Holds it open: the peer does not see its end before the watch is dropped as well.
#[derive(Debug)]
pub struct PeerWatch(os::peer_watch::Watch);

impl PeerWatch {
    /// Resolves when the peer has closed both directions, or has died; not when it has only ended its own. Cancel safe.
    ///
    /// Also resolves when each side has ended its own direction: then nothing can flow any more, and the OS does not
    /// tell one from the other. On Windows within a quarter of a second, and only after all that the peer sent was
    /// read.
    pub async fn gone(&self) {
        self.0.gone().await;
    }
}

impl LocalStream {
    /// Watches whether the peer is still there. Call it on a tokio runtime.
    pub fn watch_peer(&self) -> io::Result<PeerWatch> {
        os::peer_watch::Watch::of(self.inner()).map(PeerWatch)
    }
}

#[cfg(all(test, unix))]
mod tests;
