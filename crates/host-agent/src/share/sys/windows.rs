//! Windows hosts.

use std::{
    io,
    os::windows::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use engine_proxy::rewrite::{CaseRule, PathStyle};

pub(crate) const STYLE: PathStyle = PathStyle::Windows;
pub(crate) const CASE: CaseRule = CaseRule::Insensitive;

/// Tells a folder from another one: when it was made, in units of 100 ns.
pub(crate) type Identity = u64;

pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(metadata.creation_time())
}

/// The path with its links resolved, as people write it: without the prefix `\\?\` of a drive.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let resolved = path.canonicalize()?;
    let plain = resolved.to_str().and_then(|text| {
        let rest = text.strip_prefix(r"\\?\")?;
        (rest.as_bytes().get(1) == Some(&b':')).then(|| PathBuf::from(rest))
    });
    Ok(plain.unwrap_or(resolved))
}

/// `C:\Users\me` is wanted at `/c/Users/me`.
pub(crate) fn wanted_guest_path(path: &str) -> String {
    let slashed = path.replace('\\', "/");
    match slashed.split_once(':') {
        Some((drive, rest)) => format!("/{}{rest}", drive.to_lowercase()),
        None => format!("/{}", slashed.trim_start_matches('/')),
    }
}

#[cfg(test)]
pub(crate) fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(target, at)
}
