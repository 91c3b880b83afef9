//! `manifest.json`: what an image is and the hash of each of its files. The host agent reads it.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{arch::Arch, assets, lock::Resolution, recipe::Recipe};

/// The files that make an image, in the order of the machine's start.
pub const FILES: &[&str] = &["vmlinux", "initrd", "root.erofs"];

/// The manifest's name.
pub const NAME: &str = "manifest.json";

/// The manifest as it is written.
#[derive(Serialize)]
pub struct Manifest {
    /// The engine's version and the beginning of a hash over all files.
    pub version: String,
    /// The architecture.
    pub arch: &'static str,
    /// The protocol generation that the guest agent inside speaks.
    pub generation: u32,
    /// Every file with its size and hash.
    pub files: Vec<File>,
    /// The packages that a user may want to know the version of.
    pub components: Vec<Component>,
}

/// One file.
#[derive(Serialize)]
pub struct File {
    /// Its name in the image's folder.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its sha256 in hexadecimal.
    pub sha256: String,
}

/// One package.
#[derive(Serialize)]
pub struct Component {
    /// The package's name.
    pub name: String,
    /// Debian's version of it.
    pub version: String,
}

impl Manifest {
    /// Describes the files in the folder.
    pub fn describe(folder: &Path, arch: Arch, recipe: &Recipe, resolution: &Resolution) -> Result<Self> {
        let mut files = Vec::new();
        let mut hash = Sha256::new();
        for name in FILES {
            let path = folder.join(name);
            let context = || format!("failed to read {}", path.display());
            let sha256 = assets::file_sha256(&path).with_context(context)?;
            hash.update(format!("{name} {sha256}\n"));
            let size_bytes = fs::metadata(&path).with_context(context)?.len();
            files.push(File {
                name: (*name).to_owned(),
                size_bytes,
                sha256,
            });
        }
        let mut components = Vec::new();
        for name in &recipe.packages.components {
            let name = name.replace("{arch}", arch.name());
            let version = resolution
                .version(&name)
                .with_context(|| format!("the component {name} is not in the lock"))?
                .to_owned();
            components.push(Component { name, version });
        }
        let engine = components
            .first()
            .map_or("unknown", |component| upstream(&component.version));
        let version = format!("{engine}-{}", &hex::encode(hash.finalize())[..12]);
        Ok(Self {
            version,
            arch: arch.name(),
            generation: protocol::GENERATION,
            files,
            components,
        })
    }

    /// Writes the manifest into the folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
    }
}

/// `28.5.2` from `28.5.2+dfsg4-5`.
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let end = version
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(version.len());
    &version[..end]
}

#[cfg(test)]
mod tests {
    use super::upstream;

    #[test]
    fn upstream_debian_version_given_keeps_the_number() {
        assert_eq!(upstream("28.5.2+dfsg4-5"), "28.5.2");
        assert_eq!(upstream("1:7.2~rc1"), "7.2");
        assert_eq!(upstream("3"), "3");
    }
}
