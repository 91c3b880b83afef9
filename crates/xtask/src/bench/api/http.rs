//! The least of HTTP that measures: one blocking connection, no copies that a client would not make.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};

const READ_BYTES: usize = 256 * 1024;

/// A connection.
pub struct Connection {
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("failed to connect to {}", socket.display()))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends a request's head, and JSON where there is some.
    pub fn ask(&mut self, method: &str, target: &str, headers: &str, json: &str) -> Result<()> {
        let body = if json.is_empty() {
            "\r\n".to_owned()
        } else {
            format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
                json.len()
            )
        };
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: docker\r\n{headers}{body}").as_bytes())
    }

    /// Reads an answer's head; its status must be as given.
    pub fn head(&mut self, status: &[u16]) -> Result<String> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill()?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end);
        let found: u16 = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .context("no status")?;
        if !status.contains(&found) {
            let mut body = Vec::new();
            self.stream
                .set_read_timeout(Some(std::time::Duration::from_secs(1)))?;
            // What there is of the reason.
            let _ = self.stream.read_to_end(&mut body);
            bail!(
                "{head}{}{}",
                String::from_utf8_lossy(&self.buffer),
                String::from_utf8_lossy(&body)
            );
        }
        Ok(head)
    }

    /// Reads the body of an answer with a length.
    pub fn body(&mut self, head: &str) -> Result<Vec<u8>> {
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse().ok())?
        });
        self.take(length.with_context(|| format!("no length: {head}"))?)
    }

    /// Reads so many bytes.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.fill()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// Reads to the end and counts.
    pub fn drain(mut self) -> Result<u64> {
        let mut count = self.buffer.len() as u64;
        let mut bytes = vec![0; READ_BYTES];
        loop {
            match self.stream.read(&mut bytes)? {
                0 => return Ok(count),
                length => count += length as u64,
            }
        }
    }

    fn fill(&mut self) -> Result<()> {
        let mut bytes = [0; 4096];
        let length = self.stream.read(&mut bytes)?;
        ensure!(length > 0, "the connection ended early");
        self.buffer.extend_from_slice(&bytes[..length]);
        Ok(())
    }
}
