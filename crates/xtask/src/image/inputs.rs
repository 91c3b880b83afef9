//! What an image is built from, as hashes: an image whose inputs are the same need not be built again.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{arch::Arch, lock::Resolution, root_disk};

/// The builder itself is an input: whoever changes it gets another image.
const BUILDER: &[&str] = &[
    include_str!("../image.rs"),
    include_str!("additions.rs"),
    include_str!("cpio.rs"),
    include_str!("initrd.rs"),
    include_str!("kernel.rs"),
    include_str!("kernel_package.rs"),
    include_str!("linkage.rs"),
    include_str!("lz4.rs"),
    include_str!("manifest.rs"),
    include_str!("root_disk.rs"),
    include_str!("unpack.rs"),
];

const NAME: &str = ".inputs";

/// Hashes of the inputs.
#[derive(Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Of all but the guest agent: the kernel, the root disk and the boot modules follow from it.
    pub system: String,
    /// Of the guest agent.
    pub agent: String,
}

impl Inputs {
    /// Hashes them.
    pub fn of(recipe_text: &str, resolution: &Resolution, arch: Arch, agent: &[u8]) -> Result<Self> {
        let mut system = Sha256::new();
        let locked = resolution.to_text(arch.name())?;
        let maker = root_disk::maker_sha256()?;
        for text in BUILDER.iter().copied().chain([recipe_text, &locked, &maker]) {
            system.update((text.len() as u64).to_le_bytes());
            system.update(text);
        }
        system.update(protocol::GENERATION.to_le_bytes());
        Ok(Self {
            system: hex::encode(system.finalize()),
            agent: hex::encode(Sha256::digest(agent)),
        })
    }

    /// What the image in the folder was built from; nothing where there is none or it says nothing readable.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join(NAME)).ok()?;
        let (system, agent) = text.trim_end().split_once('\n')?;
        Some(Self {
            system: system.to_owned(),
            agent: agent.to_owned(),
        })
    }

    /// Notes them in the folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        fs::write(&path, format!("{}\n{}\n", self.system, self.agent))
            .with_context(|| format!("failed to write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::Inputs;

    #[test]
    fn inputs_written_and_read_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Inputs::read(folder.path()), None);
        let inputs = Inputs {
            system: "aa".into(),
            agent: "bb".into(),
        };
        inputs.write(folder.path()).unwrap();
        assert_eq!(Inputs::read(folder.path()), Some(inputs));
    }
}
