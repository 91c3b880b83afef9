//! `manifest.json` of a VM image.

use std::{fs::File, io::Read, path::Path};

use api::{ApiError, Code, VmImageInfo};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::failure::hinted;

pub(super) const NAME: &str = "manifest.json";
/// The files that every image has.
pub(super) const FILES: [&str; 3] = ["vmlinux", "initrd", "root.erofs"];
const MAX_BYTES: u64 = 1024 * 1024;

/// What an image consists of.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    pub(super) version: String,
    pub(super) arch: String,
    pub(super) generation: u32,
    pub(super) files: Vec<ManifestFile>,
}

impl Manifest {
    /// What the status shows. `bytes` are the manifest's own.
    pub(super) fn info(&self, folder: &Path, bytes: &[u8]) -> VmImageInfo {
        VmImageInfo {
            version: self.version.clone(),
            arch: self.arch.clone(),
            sha256: hex::encode(Sha256::digest(bytes)),
            path: folder.display().to_string(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ManifestFile {
    pub(super) name: String,
    pub(super) size_bytes: u64,
    pub(super) sha256: String,
}

/// Reads and checks a manifest. Returns its bytes too.
pub(super) fn read(folder: &Path) -> Result<(Manifest, Vec<u8>), ApiError> {
    let path = folder.join(NAME);
    let damaged = |what: String| {
        hinted(
            Code::VmImage,
            format!("VM image manifest {}: {what}", path.display()),
            super::verify::REPLACE,
        )
    };
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| damaged(format!("failed to read it: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(damaged(format!("it is larger than {MAX_BYTES} bytes")));
    }
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| damaged(format!("failed to understand it: {error}")))?;
    for name in FILES {
        if manifest.files.iter().filter(|file| file.name == name).count() != 1 {
            return Err(damaged(format!("it does not name {name} exactly once")));
        }
    }
    // A name that leads out of the folder would have us read, and report on, any file of the user's.
    if let Some(file) = manifest
        .files
        .iter()
        .find(|file| Path::new(&file.name).file_name() != Some(file.name.as_ref()))
    {
        return Err(damaged(format!(
            "it names `{}`, which is no plain file name",
            file.name
        )));
    }
    Ok((manifest, bytes))
}
