//! A virtio-serial port in the guest: `/dev/vportNpM`, found by its name.
//!
//! The driver (drivers/char/virtio_console.c) has its own ways. A read of 0 bytes means that nobody is connected on the
//! host's side now, and `EPOLLHUP` says the same; both pass when the host connects again. A port can be opened once, so
//! it stays open for good. Readiness of `EPOLLHUP` is final to tokio, hence a new registration for each stream; and a
//! stream that ever saw it is over, even if the host is back: that host is another one.
#![expect(
    unsafe_code,
    reason = "a descriptor is registered with the runtime only under a promise about its life"
)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{Carrier, Lane, RawStream};

/// Where the kernel lists the ports.
const PORTS: &str = "/sys/class/virtio-ports";
/// Between two looks for the port, or for the host. The kernel has no event for the latter that outlasts a stream.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A lane's virtio-serial port.
#[derive(Debug)]
pub struct SerialPort {
    lane: Lane,
    port: Option<Arc<OwnedFd>>,
}

/// Waits for the lane's port to appear and for the host to connect to it.
pub fn serial_port(lane: Lane) -> SerialPort {
    SerialPort { lane, port: None }
}

#[async_trait]
impl Carrier for SerialPort {
    async fn connect(&mut self) -> io::Result<RawStream> {
        let port = match &self.port {
            Some(port) => Arc::clone(port),
            None => {
                let device = loop {
                    match find_port(Path::new(PORTS), self.lane.port_name()) {
                        Some(device) => break device,
                        None => tokio::time::sleep(LOOK_EVERY).await,
                    }
                };
                let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
                let port = Arc::new(rustix::fs::open(&device, flags, Mode::empty())?);
                tracing::debug!(lane = self.lane.name(), device = %device.display(), "opened the serial port");
                self.port = Some(Arc::clone(&port));
                port
            }
        };
        while host_is_away(&port)? {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // SAFETY: `port` keeps its descriptor open for as long as the AsyncFd owns it, and it is never replaced.
        let port = unsafe { AsyncFd::register(port) }.map_err(io::Error::from)?;
        Ok(Box::new(SerialStream { port }))
    }
}

/// The device whose `name` file under `ports` says `name`.
fn find_port(ports: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(ports).ok()?;
    entries.flatten().find_map(|entry| {
        let found = std::fs::read_to_string(entry.path().join("name")).ok()?;
        (found.trim_end() == name).then(|| Path::new("/dev").join(entry.file_name()))
    })
}

fn host_is_away(port: &OwnedFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(port, PollFlags::empty())];
    rustix::event::poll(
        &mut fds,
        Some(&Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }),
    )?;
    Ok(fds[0].revents().contains(PollFlags::HUP))
}

#[derive(Debug)]
struct SerialStream {
    port: AsyncFd<Arc<OwnedFd>>,
}

impl AsyncRead for SerialStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.port.poll_read_ready(cx))?;
            let host_left = guard.ready().is_read_closed();
            match rustix::io::read(self.port.get_ref().as_fd(), buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                // It is another host that has nothing to say yet: the stream is over.
                Err(rustix::io::Errno::AGAIN) if host_left => return Poll::Ready(Ok(())),
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

impl AsyncWrite for SerialStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.port.poll_write_ready(cx))?;
            let host_left = guard.ready().is_write_closed();
            match rustix::io::write(self.port.get_ref().as_fd(), bytes) {
                Ok(count) => return Poll::Ready(Ok(count)),
                Err(rustix::io::Errno::AGAIN) if host_left => {
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_port_several_ports_takes_the_named_one() {
        let ports = tempfile::tempdir().unwrap();
        for (device, name) in [("vport1p1", "pinnace.data\n"), ("vport1p2", "pinnace.control\n")] {
            std::fs::create_dir(ports.path().join(device)).unwrap();
            std::fs::write(ports.path().join(device).join("name"), name).unwrap();
        }
        assert_eq!(
            find_port(ports.path(), "pinnace.control"),
            Some(PathBuf::from("/dev/vport1p2"))
        );
        assert_eq!(find_port(ports.path(), "pinnace.files"), None);
        assert_eq!(find_port(Path::new("/nonexistent"), "pinnace.files"), None);
    }
}
