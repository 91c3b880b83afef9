//! The journal's two files: the present one, which only ever grows at its end, and its predecessor.
//!
//! A crash may tear the last line. Whoever reads skips it, and whoever writes next begins on a line of its own.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{Entry, entry::MAX_LINE_BYTES};

/// The present file's name.
const NAME: &str = "journal.jsonl";
/// Its predecessor's.
const EARLIER_NAME: &str = "journal.1.jsonl";
/// The size that a file never exceeds.
const MAX_BYTES: u64 = 1024 * 1024;

/// Both files. At most one writer.
#[derive(Debug)]
pub struct Files {
    path: PathBuf,
    earlier_path: PathBuf,
    max_bytes: u64,
    /// Held while files are opened or renamed, so that a reader sees both of the same moment.
    open: Mutex<Option<(File, u64)>>,
}

impl Files {
    /// The files in a folder. Nothing is opened yet.
    pub fn in_folder(folder: &Path) -> Self {
        Self::with_limit(folder, MAX_BYTES)
    }

    pub(super) fn with_limit(folder: &Path, max_bytes: u64) -> Self {
        Self {
            path: folder.join(NAME),
            earlier_path: folder.join(EARLIER_NAME),
            max_bytes,
            open: Mutex::new(None),
        }
    }

    /// Appends whole lines.
    ///
    /// Fails with what the disk says; of the lines some may be in the file then, the last one perhaps torn.
    pub fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in pieces(lines) {
            let (mut file, mut size_bytes) = match open.take() {
                Some(open) => open,
                None => self.open_for_writing()?,
            };
            let length = piece.len() as u64;
            if size_bytes > 0 && size_bytes.saturating_add(length) > self.max_bytes {
                drop(file);
                fs::rename(&self.path, &self.earlier_path)?;
                (file, size_bytes) = self.open_for_writing()?;
            }
            // An error leaves nothing open: the next entry begins anew, after whatever got written.
            file.write_all(piece)?;
            *open = Some((file, size_bytes + length));
        }
        Ok(())
    }

    /// Reads what is kept, oldest first. Whatever is no entry is skipped; a file that cannot be read has none.
    pub fn read(&self) -> Vec<Entry> {
        let open = |path: &Path| File::open(path).map_err(|error| trouble(path, &error)).ok();
        let files = {
            let _no_rename = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            [open(&self.earlier_path), open(&self.path)]
        };
        let mut entries = Vec::new();
        for file in files.into_iter().flatten() {
            let mut bytes = Vec::new();
            // Twice the limit is no file of ours.
            if file.take(2 * self.max_bytes).read_to_end(&mut bytes).is_ok() {
                entries.extend(bytes.split(|byte| *byte == b'\n').filter_map(Entry::from_line));
            }
        }
        entries
    }

    fn open_for_writing(&self) -> io::Result<(File, u64)> {
        if !self.path.exists() {
            platform::write_atomically(&self.path, b"", true)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).open(&self.path)?;
        let mut size_bytes = file.metadata()?.len();
        if size_bytes > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                size_bytes += 1;
            }
        }
        Ok((file, size_bytes))
    }
}

/// Lines in pieces of about one line's greatest length, so that a file is filled up to its limit.
fn pieces(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let within = &rest[..rest.len().min(MAX_LINE_BYTES)];
        let end = within
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(rest.len(), |end| end + 1);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

fn trouble(path: &Path, error: &io::Error) {
    if error.kind() != io::ErrorKind::NotFound {
        tracing::warn!(path = %path.display(), %error, "journal not read");
    }
}
