//! A vsock connection for each lane. The guest listens, the host connects.
#![expect(
    unsafe_code,
    reason = "the vsock buffer options are only reachable through setsockopt"
)]

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use async_trait::async_trait;
use tokio_vsock::{VMADDR_CID_ANY, VMADDR_CID_HOST, VsockAddr, VsockListener as Listener, VsockStream};

use crate::{Carrier, Lane, RawStream};

/// Linux counts each packet's overhead against the receive window since 6.12.92 and resets a connection with many small
/// ones; at the default of 256 KiB that happens, at this size it was never seen.
const BUFFER_BYTES: u64 = 8 * 1024 * 1024;
/// Between two attempts while the guest does not listen yet.
const RETRY: Duration = Duration::from_millis(100);
/// How long a connection may take. A guest that is not up never answers.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// The guest's end: accepts the host's connections, one at a time.
#[derive(Debug)]
pub struct VsockListener {
    lane: Lane,
    listener: Option<Listener>,
}

/// Listens on the lane's vsock port for the host, and for nobody else.
pub fn vsock_listener(lane: Lane) -> VsockListener {
    VsockListener { lane, listener: None }
}

#[async_trait]
impl Carrier for VsockListener {
    async fn connect(&mut self) -> io::Result<RawStream> {
        if self.listener.is_none() {
            let listener = Listener::bind(VsockAddr::new(VMADDR_CID_ANY, self.lane.vsock_port()))?;
            // Accepted connections take these over.
            enlarge_buffers(&listener)?;
            self.listener = Some(listener);
        }
        let Some(listener) = &self.listener else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        loop {
            let (stream, peer) = listener.accept().await?;
            if peer.cid() == VMADDR_CID_HOST {
                return Ok(Box::new(stream));
            }
            tracing::warn!(
                lane = self.lane.name(),
                cid = peer.cid(),
                "refused a peer that is not the host"
            );
        }
    }
}

/// The host's end over the kernel's vhost-vsock.
#[derive(Debug)]
pub struct VsockDialer {
    cid: u32,
    lane: Lane,
}

/// Connects to the lane's port in the guest with this context id and retries while nobody listens.
pub fn vsock_dialer(cid: u32, lane: Lane) -> VsockDialer {
    VsockDialer { cid, lane }
}

#[async_trait]
impl Carrier for VsockDialer {
    async fn connect(&mut self) -> io::Result<RawStream> {
        let address = VsockAddr::new(self.cid, self.lane.vsock_port());
        loop {
            match tokio::time::timeout(CONNECT_LIMIT, VsockStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    enlarge_buffers(&stream)?;
                    return Ok(Box::new(stream));
                }
                Ok(Err(error)) => {
                    tracing::trace!(lane = self.lane.name(), %error, "guest does not listen yet")
                }
                Err(_) => tracing::trace!(lane = self.lane.name(), "guest does not answer yet"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Sets SO_VM_SOCKETS_BUFFER_SIZE, and the MAX that limits it first (linux/vm_sockets.h).
fn enlarge_buffers(socket: &impl AsRawFd) -> io::Result<()> {
    const SO_VM_SOCKETS_BUFFER_SIZE: libc::c_int = 0;
    const SO_VM_SOCKETS_BUFFER_MAX_SIZE: libc::c_int = 2;
    let bytes = BUFFER_BYTES;
    for option in [SO_VM_SOCKETS_BUFFER_MAX_SIZE, SO_VM_SOCKETS_BUFFER_SIZE] {
        // SAFETY: the value is a live u64, which is what both options take, and its size is passed along.
        let status = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::AF_VSOCK,
                option,
                (&raw const bytes).cast(),
                size_of::<u64>() as libc::socklen_t,
            )
        };
        if status != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
