//! What a manifest says, for the status: without a look at the files, and read again only when it has changed.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use api::VmImageInfo;

use super::manifest;

/// The image that was seen last.
#[derive(Debug, Default)]
pub struct SeenImage(Mutex<Option<(Key, VmImageInfo)>>);

/// One manifest at one time: a new one has another time or size.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    folder: PathBuf,
    modified: SystemTime,
    size_bytes: u64,
}

impl SeenImage {
    /// What the manifest in `folder` says; `None` when it cannot be used.
    pub fn look(&self, folder: &Path) -> Option<VmImageInfo> {
        let metadata = folder.join(manifest::NAME).metadata().ok()?;
        let key = Key {
            folder: folder.to_owned(),
            modified: metadata.modified().ok()?,
            size_bytes: metadata.len(),
        };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, info)) = &*seen
            && *known == key
        {
            return Some(info.clone());
        }
        let (manifest, bytes) = manifest::read(folder).ok()?;
        let info = manifest.info(folder, &bytes);
        *seen = Some((key, info.clone()));
        Some(info)
    }
}
