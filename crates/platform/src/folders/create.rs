//! Creating and checking the folders.

use std::{fs, io, path::Path};

use super::{Folders, FoldersError};
use crate::sys::os;

/// How much a folder is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// People keep these in other places and link them.
    LinkAllowed,
    /// What another user can exchange here is our sockets and disks.
    Strict,
}

pub fn create(folders: &Folders) -> Result<(), FoldersError> {
    // Data first: it matters most, so its error is the one to see.
    for (path, care) in [
        (&folders.data, Care::Strict),
        (&folders.run, Care::Strict),
        (&folders.state, Care::Strict),
        (&folders.logs, Care::Strict),
        (&folders.config, Care::LinkAllowed),
        (&folders.cache, Care::LinkAllowed),
    ] {
        ready(path, care)?;
    }
    Ok(())
}

fn ready(path: &Path, care: Care) -> Result<(), FoldersError> {
    let here = || path.to_path_buf();
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() && care == Care::Strict => {
            return Err(FoldersError::Symlink { path: here() });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            os::folders::create_private(path)
                .map_err(|source| FoldersError::Create { path: here(), source })?;
        }
        // A file where a parent folder should be, or a parent that may not be entered.
        Err(source) => return Err(FoldersError::Create { path: here(), source }),
    }
    let metadata = fs::metadata(path).map_err(|source| FoldersError::Create { path: here(), source })?;
    if !metadata.is_dir() {
        return Err(FoldersError::NotAFolder { path: here() });
    }
    match os::folders::is_ours(path, &metadata) {
        Ok(true) => {}
        Ok(false) => return Err(FoldersError::Foreign { path: here() }),
        Err(source) => return Err(FoldersError::NotWritable { path: here(), source }),
    }
    if care == Care::Strict {
        os::folders::close_to_others(path, &metadata)
            .map_err(|source| FoldersError::NotWritable { path: here(), source })?;
    }
    // By doing it: permissions, read-only mounts, quotas and full disks all show.
    tempfile::Builder::new()
        .prefix(".pinnace-")
        .tempfile_in(path)
        .map_err(|source| FoldersError::NotWritable { path: here(), source })?;
    Ok(())
}
