//! The data disk: a raw, sparse file that holds everything of Docker's.
//!
//! It is made when there is none, grown when the setting grew, and never shrunk, deleted or formatted here. Its last
//! known size is kept in a small file of state, so that a truncated disk is noticed before a guest writes to it.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use api::{ApiError, Code};
use serde::{Deserialize, Serialize};

use crate::failure::{hinted, io_code};

const GIB: u64 = 1024 * 1024 * 1024;

/// Where the data disk is, and where its size is remembered.
#[derive(Clone, Debug)]
pub struct DataDisk {
    /// The raw file.
    pub path: PathBuf,
    /// The file of state.
    pub record: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Record {
    size_bytes: u64,
}

impl DataDisk {
    /// Makes sure that the disk is there, whole, and at least `size_gib` large.
    pub fn ensure(&self, size_gib: u64) -> Result<(), ApiError> {
        let wanted = size_gib.saturating_mul(GIB);
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) => self.check_and_grow(&metadata, wanted),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.create(wanted),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    fn create(&self, wanted: u64) -> Result<(), ApiError> {
        if let Some(known) = self.known_size() {
            return Err(self.refused(
                &format!("is gone; it had {known} bytes"),
                "put it back where it was, or run `pinnace reset` to begin with a new one",
            ));
        }
        platform::create_sparse(&self.path, wanted).map_err(|error| self.failed("create", &error))?;
        self.remember(wanted)
    }

    fn check_and_grow(&self, metadata: &fs::Metadata, wanted: u64) -> Result<(), ApiError> {
        if metadata.file_type().is_symlink() {
            return Err(self.refused(
                "is a symbolic link",
                "move the real file there, or set PINNACE_HOME",
            ));
        }
        if !metadata.is_file() {
            return Err(self.refused("is not a regular file", "move it away and run `pinnace start`"));
        }
        // Asked of the file itself, because root may write what is marked so.
        if metadata.permissions().readonly() {
            return Err(self.refused(
                "is marked read-only",
                "make it writable if it is meant to be used, then run `pinnace start`",
            ));
        }
        let size = metadata.len();
        match self.known_size() {
            Some(known) if size < known => {
                return Err(self.refused(
                    &format!("was truncated: it has {size} bytes, it had {known}"),
                    "put back a whole copy of it, or run `pinnace reset` to begin with a new one",
                ));
            }
            // A file that we did not make: empty, it may be the rest of a creation that was cut short.
            None if size != 0 && !size.is_multiple_of(512) => {
                return Err(self.refused(
                    "is not a disk of Pinnace's",
                    "move it away and run `pinnace start`",
                ));
            }
            _ => {}
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(|error| {
                hinted(
                    Code::DataDisk,
                    format!(
                        "failed to open data disk {} for writing: {error}",
                        self.path.display()
                    ),
                    "give your user the right to write it, then run `pinnace start`",
                )
            })?;
        if size < wanted {
            file.set_len(wanted)
                .map_err(|error| self.failed("grow", &error))?;
        }
        self.remember(size.max(wanted))
    }

    /// The size at the last start. A record that cannot be read says nothing.
    fn known_size(&self) -> Option<u64> {
        let bytes = fs::read(&self.record).ok()?;
        serde_json::from_slice::<Record>(&bytes)
            .ok()
            .map(|record| record.size_bytes)
    }

    fn remember(&self, size_bytes: u64) -> Result<(), ApiError> {
        if self.known_size() == Some(size_bytes) {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&Record { size_bytes }).unwrap_or_default();
        platform::write_atomically(&self.record, &bytes, true)
            .map_err(|error| file_failure("write", &self.record, &error))
    }

    fn refused(&self, what: &str, hint: &str) -> ApiError {
        hinted(
            Code::DataDisk,
            format!("data disk {} {what}", self.path.display()),
            hint,
        )
    }

    fn failed(&self, action: &str, error: &io::Error) -> ApiError {
        file_failure(action, &self.path, error)
    }
}

fn file_failure(action: &str, path: &Path, error: &io::Error) -> ApiError {
    let (code, hint) = match io_code(error) {
        Code::NoSpace => (
            Code::NoSpace,
            "free some space on that disk, then run `pinnace start`",
        ),
        _ => (
            Code::DataDisk,
            "check the folder and its rights, then run `pinnace start`",
        ),
    };
    hinted(
        code,
        format!("failed to {action} {}: {error}", path.display()),
        hint,
    )
}

#[cfg(test)]
mod tests;
