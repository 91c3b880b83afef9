//! The host agent's own log: one file of bounded size and its predecessor. A line that cannot be written is dropped;
//! logging never stops the host agent.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

/// The file's name in the log folder.
pub const NAME: &str = "host-agent.log";
/// The size at which the file becomes `host-agent.log.1`.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Writes lines. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogFile(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: Option<File>,
    size_bytes: u64,
    max_bytes: u64,
}

impl LogFile {
    /// Opens the log in a folder. A log that cannot be opened is tried again at each line.
    pub fn open(folder: &Path) -> Self {
        Self::with_limit(folder, MAX_BYTES)
    }

    fn with_limit(folder: &Path, max_bytes: u64) -> Self {
        let mut inner = Inner {
            path: folder.join(NAME),
            file: None,
            size_bytes: 0,
            max_bytes,
        };
        // An error comes again with the first line, and is dropped there like any other.
        drop(inner.reopen());
        Self(Arc::new(Mutex::new(inner)))
    }
}

impl Inner {
    fn reopen(&mut self) -> io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.size_bytes = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.size_bytes >= self.max_bytes {
            self.file = None;
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        if self.file.is_none() {
            self.reopen()?;
        }
        if let Some(file) = &mut self.file {
            file.write_all(line)?;
            self.size_bytes += line.len() as u64;
        }
        Ok(())
    }
}

impl Write for &LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.line(bytes).is_err() {
            // Full disk, folder gone: begin anew with the next line.
            inner.file = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = &'a LogFile;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_beyond_its_size_keeps_one_predecessor() {
        let folder = tempfile::tempdir().unwrap();
        let log = LogFile::with_limit(folder.path(), 100);
        for number in 0..100 {
            writeln!(&log, "line {number:04}").unwrap();
        }
        let names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        let total: u64 = fs::read_dir(folder.path())
            .unwrap()
            .map(|e| e.unwrap().metadata().unwrap().len())
            .sum();
        assert!(total <= 220, "{total}");
    }

    #[test]
    fn log_in_a_missing_folder_drops_lines_and_recovers() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("logs");
        let log = LogFile::open(&inner);
        writeln!(&log, "lost").unwrap();
        fs::create_dir(&inner).unwrap();
        writeln!(&log, "kept").unwrap();
        assert_eq!(fs::read_to_string(inner.join(NAME)).unwrap(), "kept\n");
    }
}
