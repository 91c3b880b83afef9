//! Unix hosts.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use engine_proxy::rewrite::{CaseRule, PathStyle};

pub(crate) const STYLE: PathStyle = PathStyle::Unix;
pub(crate) const CASE: CaseRule = if cfg!(target_os = "macos") {
    CaseRule::Insensitive
} else {
    CaseRule::Sensitive
};

/// Tells a folder from another one at the same path.
pub(crate) type Identity = (u64, u64);

pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok((metadata.dev(), metadata.ino()))
}

/// The path with its links resolved.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// Where a folder is wanted in the machine: at its own path.
pub(crate) fn wanted_guest_path(path: &str) -> String {
    path.to_owned()
}

#[cfg(test)]
pub(crate) fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}
