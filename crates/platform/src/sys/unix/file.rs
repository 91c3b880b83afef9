//! Replacing files.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// The permissions for the file's next content: those it has, else what the user's umask leaves.
#[expect(clippy::unnecessary_wraps, reason = "same face on every OS")]
pub fn permissions_to_keep(path: &Path) -> io::Result<Option<Permissions>> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(_) => 0o666,
    };
    Ok(Some(Permissions::from_mode(mode)))
}

/// Makes a rename in the folder survive a power cut.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
