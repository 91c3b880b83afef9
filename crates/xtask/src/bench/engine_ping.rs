//! Asks an engine socket whether it answers.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How often the socket is asked. Small against what is measured.
const INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `GET /_ping` is answered with 200, for as long as `alive` holds and at most `limit`.
pub fn wait(socket: &Path, limit: Duration, mut alive: impl FnMut() -> Result<()>) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !answers(socket) {
        alive()?;
        if Instant::now() > deadline {
            bail!(
                "the engine at {} did not answer within {limit:?}",
                socket.display()
            );
        }
        thread::sleep(INTERVAL);
    }
    Ok(())
}

fn answers(socket: &Path) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.0 200"))
    };
    ask().unwrap_or(false)
}
