//! Makes the read-only root disk of the tree.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result};

use super::{assets, programs, recipe::Erofs};
use crate::shell;

/// Makes an erofs file of the tree: the same bytes for the same tree, whoever builds it and when.
pub fn make(tree: &Path, erofs: &Erofs, published_s: u64, to: &Path) -> Result<()> {
    let mut mkfs = shell::command(programs::program("mkfs.erofs"));
    mkfs.arg("--quiet")
        .arg("--all-root")
        .arg("-U")
        .arg(&erofs.uuid)
        .arg("-T")
        .arg(published_s.to_string());
    // Extended attributes of the build machine's files, such as security labels, do not belong into the image.
    mkfs.arg("-x-1");
    let mut hints = tempfile::NamedTempFile::new().context("failed to create a temporary file")?;
    if !erofs.compression.is_empty() {
        for pattern in &erofs.uncompressed {
            // A cluster of no bytes means that the file is stored as it is.
            writeln!(hints, "0 {pattern}").context("failed to write a temporary file")?;
        }
        mkfs.arg(format!("-z{}", erofs.compression))
            .arg("--compress-hints")
            .arg(hints.path());
    }
    mkfs.arg(to).arg(tree);
    shell::output(&mut mkfs).map(drop)
}

/// The hash of the program that makes it: another version may lay the same files out differently.
pub fn maker_sha256() -> Result<String> {
    let program = programs::program("mkfs.erofs");
    assets::file_sha256(&program).with_context(|| format!("failed to read {}", program.display()))
}

/// A file in the tree and its size.
pub struct Piece {
    /// Below the tree's root.
    pub path: String,
    /// The file's size before any compression.
    pub size_bytes: u64,
}

/// All files of the tree, the largest first.
pub fn pieces(tree: &Path) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut folders = vec![tree.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() {
                let path = entry.path().strip_prefix(tree)?.display().to_string();
                pieces.push(Piece {
                    path,
                    size_bytes: metadata.len(),
                });
            }
        }
    }
    pieces.sort_by(|a, b| b.size_bytes.cmp(&a.size_bytes).then_with(|| a.path.cmp(&b.path)));
    Ok(pieces)
}
