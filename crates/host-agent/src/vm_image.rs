//! The VM image: finds it, and checks every byte of it at every start.

mod manifest;
mod seen;
mod verify;

use std::path::{Path, PathBuf};

use api::{ApiError, Code, VmImageInfo};
use machine::VmImagePaths;

use crate::failure::hinted;
pub use seen::SeenImage;
pub use verify::verify;

/// A VM image whose files are what its manifest says.
#[derive(Clone, Debug)]
pub struct VmImage {
    /// What a driver boots.
    pub paths: VmImagePaths,
    /// What the status shows.
    pub info: VmImageInfo,
}

/// What a host of this architecture boots, in the VM image's words.
pub fn host_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Where an image may be, in order.
pub fn candidates(chosen: Option<PathBuf>, data: &Path, program: Option<&Path>) -> Vec<PathBuf> {
    if let Some(chosen) = chosen {
        // A chosen image is never silently replaced by another.
        return vec![chosen];
    }
    let mut folders = vec![data.join("vm-image")];
    if let Some(beside) = program.and_then(Path::parent) {
        folders.push(beside.join("vm-image"));
        if let Some(above) = beside.parent() {
            folders.push(above.join("vm-image").join(host_arch()));
        }
    }
    folders
}

/// The first candidate that has a manifest.
pub fn find(candidates: &[PathBuf]) -> Result<PathBuf, ApiError> {
    if let Some(folder) = candidates
        .iter()
        .find(|folder| folder.join(manifest::NAME).exists())
    {
        return Ok(folder.clone());
    }
    let places: Vec<_> = candidates
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    Err(hinted(
        Code::VmImage,
        format!("there is no VM image in {}", places.join(", ")),
        "run `cargo xtask image`, or set PINNACE_VM_IMAGE to the folder of an image",
    ))
}

#[cfg(test)]
mod tests;
