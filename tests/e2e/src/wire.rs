//! HTTP by the byte, for what no client would send.

use std::{
    io::{ErrorKind, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with},
};

use crate::until_some;

/// How long a silent other side is waited for by default.
const READ_LIMIT: Duration = Duration::from_secs(60);

/// One connection to an engine socket.
pub struct Wire {
    stream: UnixStream,
    /// Read, and not yet taken.
    buffer: Vec<u8>,
}

/// An answer's head.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The head as it came.
    pub text: String,
}

impl Wire {
    /// Connects.
    pub fn open(socket: &Path) -> Result<Self> {
        let stream = connect(socket).with_context(|| format!("failed to connect to {}", socket.display()))?;
        stream.set_read_timeout(Some(READ_LIMIT))?;
        stream.set_write_timeout(Some(READ_LIMIT))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref()).context("failed to send")
    }

    /// Sends what the other side takes; that it closed meanwhile is no failure.
    pub fn send_if_open(&mut self, bytes: impl AsRef<[u8]>) {
        // What came of it, the answer tells.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Ends our direction.
    pub fn end_input(&self) -> Result<()> {
        self.stream
            .shutdown(Shutdown::Write)
            .context("failed to end the input")
    }

    /// Sends a request without a body.
    pub fn ask(&mut self, method: &str, target: &str) -> Result<()> {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: docker\r\n\r\n"))
    }

    /// Reads the next head, also one of an interim answer.
    pub fn head(&mut self) -> Result<Head> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(
                self.fill()? > 0,
                "the connection ended before an answer: {:?}",
                self.text()
            );
        };
        let head = self.buffer.drain(..end).collect::<Vec<u8>>();
        let text = String::from_utf8_lossy(&head).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Head {
            status: status.with_context(|| format!("no status: {text:?}"))?,
            text,
        })
    }

    /// Reads the next head, whose status must be this one.
    pub fn head_of(&mut self, status: u16) -> Result<Head> {
        let head = self.head()?;
        if head.status != status {
            // As far as it has a length.
            let body = self.body(&head).unwrap_or_default();
            bail!("instead of {status} the answer was {}{body}", head.text);
        }
        Ok(head)
    }

    /// Reads `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < length {
            ensure!(
                self.fill()? > 0,
                "the connection ended after {} of {length} bytes",
                self.buffer.len()
            );
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// Reads what comes next, at least a byte.
    pub fn some(&mut self) -> Result<Vec<u8>> {
        ensure!(
            !self.buffer.is_empty() || self.fill()? > 0,
            "the connection ended"
        );
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Reads the body of an answer that has a length, as text.
    pub fn body(&mut self, head: &Head) -> Result<String> {
        let length = head.text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        });
        let length = length.with_context(|| format!("no length: {}", head.text))?;
        Ok(String::from_utf8_lossy(&self.take(length)?).into_owned())
    }

    /// Reads until the other side ends its direction, and returns what was read. A reset counts as an end.
    pub fn to_end(&mut self, deadline: Duration) -> Result<Vec<u8>> {
        let begun = Instant::now();
        loop {
            if begun.elapsed() > deadline {
                bail!(
                    "the connection is still open after {deadline:?}: {:?}",
                    self.text()
                );
            }
            if self.fill()? == 0 {
                return Ok(std::mem::take(&mut self.buffer));
            }
        }
    }

    fn fill(&mut self) -> Result<usize> {
        let mut bytes = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(length) => {
                    self.buffer.extend_from_slice(&bytes[..length]);
                    return Ok(length);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(0),
                Err(error) => return Err(error).context("failed to read an answer"),
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

/// Connects with a deadline: where the queue of a socket is full, the kernel would wait for ever.
fn connect(socket: &Path) -> Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let address = SocketAddrUnix::new(socket)?;
    let stream = until_some("a place in the queue of a socket", READ_LIMIT, || {
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&stream, &address) {
            Ok(()) => Ok(Some(UnixStream::from(stream))),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// `GET /_ping` on a connection of its own; the status and the body.
pub fn ping(socket: &Path) -> Result<(u16, String)> {
    let mut wire = Wire::open(socket)?;
    wire.ask("GET", "/_ping")?;
    let head = wire.head()?;
    let body = wire.body(&head)?;
    Ok((head.status, body))
}
