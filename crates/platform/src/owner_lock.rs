//! At most one owner, guaranteed by the OS: a lock that ends with the process that holds it.
//!
//! The lock file is never deleted (whoever opened it before the deletion would lock a file that nobody else sees), and
//! what is written in it only informs: it decides nothing.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process,
};

use crate::sys::os;

/// A held lock. Ends when dropped, and in any case when the process ends.
#[derive(Debug)]
pub struct OwnerLock {
    /// Holding it open is holding the lock.
    _file: File,
}

/// Why it is not known whether somebody holds the lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock file cannot be opened or created.
    #[error("failed to open the lock file {}", path.display())]
    Open {
        /// The lock file.
        path: PathBuf,
        /// What the OS said.
        source: io::Error,
    },
    /// The OS cannot lock it, as on some network file systems.
    #[error("failed to lock {}; put PINNACE_HOME on a local disk", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the OS said.
        source: io::Error,
    },
}

impl OwnerLock {
    /// Takes the lock. `None` when a live process holds it; it may be this one.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, LockError> {
        let path_buf = || path.to_path_buf();
        let mut file = os::lock::open(path).map_err(|source| LockError::Open {
            path: path_buf(),
            source,
        })?;
        if !os::lock::try_lock(&file).map_err(|source| LockError::Lock {
            path: path_buf(),
            source,
        })? {
            return Ok(None);
        }
        // For people who look; the lock holds without it, also on a full disk.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", process::id()));
        Ok(Some(Self { _file: file }))
    }

    /// The process id that the last holder wrote, for messages only: it may be gone, and its number somebody else's.
    pub fn holder(path: &Path) -> Option<String> {
        let text = fs::read_to_string(path).ok()?;
        let pid = text.trim();
        (!pid.is_empty()).then(|| pid.to_owned())
    }
}

#[cfg(test)]
mod tests;
