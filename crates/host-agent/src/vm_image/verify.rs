//! Compares an image with its manifest, and with what this host agent can run.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use api::{ApiError, Code};
use machine::VmImagePaths;
use sha2::{Digest, Sha256};

use super::{
    VmImage,
    manifest::{self, ManifestFile},
};
use crate::failure::{failure, hinted};

pub(super) const REPLACE: &str = "build or install the VM image again: `cargo xtask image`";
const READ_BYTES: usize = 256 * 1024;

/// Checks everything: architecture, generation, size and sha256 of each file. Files are read in parallel.
pub async fn verify(folder: &Path, arch: &str) -> Result<VmImage, ApiError> {
    let (manifest, bytes) = manifest::read(folder)?;
    if manifest.arch != arch {
        return Err(hinted(
            Code::VmImage,
            format!(
                "the VM image in {} is for {}, this host needs {arch}",
                folder.display(),
                manifest.arch
            ),
            format!("build the right one: `cargo xtask image --arch {arch}`"),
        ));
    }
    if manifest.generation != protocol::GENERATION {
        let (theirs, ours) = (manifest.generation, protocol::GENERATION);
        let hint = if theirs > ours {
            "update Pinnace, or install an older VM image"
        } else {
            REPLACE
        };
        return Err(hinted(
            Code::VmImage,
            format!(
                "the VM image in {} speaks protocol generation {theirs}, this host agent speaks {ours}",
                folder.display()
            ),
            hint,
        ));
    }
    let info = manifest.info(folder, &bytes);
    let checks: Vec<_> = manifest
        .files
        .into_iter()
        .map(|file| {
            let path = folder.join(&file.name);
            tokio::task::spawn_blocking(move || check(&path, &file))
        })
        .collect();
    let mut result = Ok(());
    for check in checks {
        let outcome = check
            .await
            .map_err(|error| failure(Code::Internal, error.to_string()))?;
        // Every check is waited for, so that none reads on behind our back.
        result = result.and(outcome);
    }
    result?;
    let [kernel, initrd, root] = manifest::FILES.map(|name| folder.join(name));
    Ok(VmImage {
        paths: VmImagePaths { kernel, initrd, root },
        info,
    })
}

fn check(path: &Path, expected: &ManifestFile) -> Result<(), ApiError> {
    let damaged = |what: String| {
        hinted(
            Code::VmImage,
            format!("VM image file {}: {what}", path.display()),
            REPLACE,
        )
    };
    let metadata = fs::metadata(path).map_err(|error| damaged(format!("failed to read it: {error}")))?;
    if !metadata.is_file() {
        return Err(damaged("it is not a regular file".to_owned()));
    }
    if metadata.len() != expected.size_bytes {
        return Err(damaged(format!(
            "it has {} bytes instead of {}",
            metadata.len(),
            expected.size_bytes
        )));
    }
    let found = sha256(path).map_err(|error| damaged(format!("failed to read it: {error}")))?;
    if !found.eq_ignore_ascii_case(&expected.sha256) {
        return Err(damaged(format!(
            "its sha256 is {found} instead of {}",
            expected.sha256
        )));
    }
    Ok(())
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(hex::encode(hash.finalize())),
            length => hash.update(&bytes[..length]),
        }
    }
}
