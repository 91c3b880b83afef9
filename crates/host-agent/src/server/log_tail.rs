//! The end of a log file, and what is appended to it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use axum::body::Body;
use futures_util::stream;
use hyper::body::Bytes;

/// Between two looks at a file that is followed.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// The most bytes of a file's end that are searched for its last lines.
const MAX_TAIL_BYTES: u64 = 8 * 1024 * 1024;
/// The most bytes that are sent at once.
const CHUNK_BYTES: u64 = 64 * 1024;

/// The last `lines` lines of a file, then, with `follow`, what comes. A file that is not there is empty; one that
/// became shorter was rotated and is read from its start.
pub(super) fn body(path: PathBuf, lines: u32, follow: bool) -> Body {
    let state = Tail {
        path,
        lines,
        follow,
        position: None,
    };
    Body::from_stream(stream::unfold(state, |mut tail| async move {
        let bytes = tail.next().await?;
        Some((bytes, tail))
    }))
}

struct Tail {
    path: PathBuf,
    lines: u32,
    follow: bool,
    position: Option<u64>,
}

impl Tail {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.read() {
                Ok(bytes) if !bytes.is_empty() => return Some(Ok(bytes.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.position = Some(0),
                Err(error) => return Some(Err(error)),
            }
            if !self.follow {
                return None;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let size = file.metadata()?.len();
        let mut position = match self.position {
            None => tail_start(&mut file, size, self.lines)?,
            Some(position) if position > size => 0,
            Some(position) => position,
        };
        file.seek(SeekFrom::Start(position))?;
        let mut bytes = Vec::new();
        file.take(CHUNK_BYTES).read_to_end(&mut bytes)?;
        position += bytes.len() as u64;
        self.position = Some(position);
        Ok(bytes)
    }
}

/// Where the last `lines` lines begin.
fn tail_start(file: &mut File, size: u64, lines: u32) -> io::Result<u64> {
    let start = size.saturating_sub(MAX_TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MAX_TAIL_BYTES).read_to_end(&mut bytes)?;
    if lines == 0 {
        return Ok(start + bytes.len() as u64);
    }
    // The line feed that ends the last line begins no further one.
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let feeds = text.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    let before = feeds.map(|(at, _)| at as u64 + 1).nth(lines as usize - 1);
    Ok(start + before.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tail(content: &str, lines: u32) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, content).unwrap();
        let bytes = Tail {
            path,
            lines,
            follow: false,
            position: None,
        }
        .read()
        .unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn tail_is_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a\nb\n", 9), "a\nb\n");
        assert_eq!(tail("a\nb\n", 0), "");
        assert_eq!(tail("", 3), "");
    }

    #[tokio::test]
    async fn follow_goes_on_after_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "first line\n").unwrap();
        let mut tail = Tail {
            path: path.clone(),
            lines: 10,
            follow: true,
            position: None,
        };
        assert_eq!(tail.next().await.unwrap().unwrap(), "first line\n");
        fs::write(&path, "new\n").unwrap();
        assert_eq!(tail.next().await.unwrap().unwrap(), "new\n");
    }
}
