//! The console: what the namespaces' first processes and the guest agent write, in a file.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// More than any useful number of last lines has.
const TAIL_BYTES: u64 = 64 * 1024;

/// Opens the console's file for appending, readable by its owner only.
pub fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().append(true).create(true).mode(0o600).open(path)
}

/// Returns the last `lines` lines of the file, oldest first; none when it cannot be read.
pub fn tail(path: &Path, lines: usize) -> Vec<String> {
    let text = last_bytes(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

fn last_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn tail_of_more_lines_than_asked_returns_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console.log");
        let mut file = open(&path).unwrap();
        writeln!(file, "one\ntwo\nthree").unwrap();
        assert_eq!(tail(&path, 2), ["two", "three"]);
        assert_eq!(tail(&path, 9), ["one", "two", "three"]);
    }

    #[test]
    fn tail_without_a_file_is_empty() {
        assert!(tail(Path::new("/nonexistent/console.log"), 5).is_empty());
    }
}
