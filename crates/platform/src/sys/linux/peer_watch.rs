//! A socket's hang-up.
//!
//! poll(2) reports POLLHUP when both directions are shut, and nobody has to ask for it. So the socket is watched for
//! out-of-band bytes, which nobody sends: ordinary bytes and free space in either direction then wake nobody.

use std::{future, io, os::fd::AsFd, os::fd::OwnedFd};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::fcntl_dupfd_cloexec,
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::sys::unix::{readiness::watched, socket::Stream};

/// A watch.
#[derive(Debug)]
pub struct Watch {
    socket: AsyncFd<OwnedFd>,
}

impl Watch {
    /// See [`crate::LocalStream::watch_peer`].
    pub fn of(stream: &Stream) -> io::Result<Self> {
        // The runtime takes each descriptor once.
        let socket = fcntl_dupfd_cloexec(stream.as_fd(), 0)?;
        let socket = watched(socket, Interest::PRIORITY)?;
        Ok(Self { socket })
    }

    /// See [`crate::PeerWatch::gone`].
    pub async fn gone(&self) {
        // The runtime is ending otherwise.
        while let Ok(mut ready) = self.socket.ready(Interest::PRIORITY).await {
            match is_hung_up(ready.get_inner()) {
                Ok(true) => return,
                Ok(false) => ready.clear_ready(),
                Err(error) => {
                    tracing::warn!(%error, "failed to watch a connection's peer");
                    break;
                }
            }
        }
        future::pending().await
    }
}

fn is_hung_up(socket: &OwnedFd) -> io::Result<bool> {
    let mut polled = [PollFd::new(socket, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&now))?;
    Ok(polled[0].revents().contains(PollFlags::HUP))
}
