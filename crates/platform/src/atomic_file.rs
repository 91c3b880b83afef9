//! Replacing a file so that a crash at any moment leaves the old content or the new one, whole.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::sys::os;

/// Replaces `path` with `bytes`: a temporary file beside it, flushed to the disk, then renamed over it.
///
/// With `private` only our user may read it. Without, a file that exists keeps its permissions and a new one gets the
/// user's usual ones. A symbolic link keeps being one: what it points to is replaced.
pub fn write_atomically(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    let target = behind_links(path)?;
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pinnace-").suffix(".tmp");
    let permissions = if private {
        None
    } else {
        os::file::permissions_to_keep(&target)?
    };
    if let Some(permissions) = &permissions {
        builder.permissions(permissions.clone());
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions.filter(|_| target.exists()) {
        // The user's umask narrowed them at creation; what the file had is kept exactly.
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    os::file::sync_folder(folder)
}

/// Where the content really is, following links as far as they go.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_path_buf()),
    }
}

#[cfg(all(test, unix))]
mod tests;
