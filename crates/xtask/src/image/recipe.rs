//! The recipe of a VM image, `vm-image/recipe.toml`: what goes in, what stays out and why.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::arch::Arch;
use crate::shell;

/// The whole file. `{arch}` in package names stands for the architecture.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Where packages come from.
    pub suite: Suite,
    /// What is asked for and what must not come along.
    pub packages: Packages,
    /// What the root disk keeps of them and what is added.
    pub root: Root,
    /// Which kernel modules go where.
    pub modules: Modules,
    /// The file system of the root disk.
    pub erofs: Erofs,
}

/// A Debian suite.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The suite's code name, the folder below `dists`.
    pub name: String,
    /// The archive's component.
    pub component: String,
}

/// Packages in and out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// What is asked for; dependencies follow.
    pub wanted: Vec<String>,
    /// Which of the wanted ones are named in the manifest as components.
    pub components: Vec<String>,
    /// Dependencies that are left unmet: pattern to reason.
    pub excluded: BTreeMap<String, String>,
}

/// Contents of the root disk.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// Patterns of paths that packages bring and the image does not keep: pattern to reason.
    pub strip: BTreeMap<String, String>,
    /// Patterns that stay although `strip` covers them.
    pub keep: Vec<String>,
    /// Empty folders.
    pub folders: Vec<String>,
    /// Symbolic links: path to target.
    pub links: BTreeMap<String, String>,
    /// Text files: path to content.
    pub files: BTreeMap<String, String>,
    /// Commands that `busybox` answers to, as links in `usr/bin` where no package brings the command.
    pub applets: Vec<String>,
}

/// Kernel modules by name, or by path with patterns below the kernel's module folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modules {
    /// In the initial RAM disk, loaded first: what it takes to reach the root disk.
    pub boot: Vec<String>,
    /// On the root disk, loaded before the engine starts.
    pub engine: Vec<String>,
    /// On the root disk, loaded on demand through `modprobe`.
    pub on_demand: Vec<String>,
}

/// How `mkfs.erofs` is called.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erofs {
    /// The file system's identity, fixed so that equal contents give equal bytes.
    pub uuid: String,
    /// The `-z` argument, empty for none.
    pub compression: String,
    /// Regular expressions of paths that are stored as they are although there is a compression.
    pub uncompressed: Vec<String>,
}

impl Recipe {
    /// Reads the recipe and returns it with its text, which is part of what an image is built from.
    pub fn read() -> Result<(Self, String)> {
        let path = folder().join("recipe.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        let recipe = toml::from_str(&text).with_context(|| format!("failed to parse {}", path.display()))?;
        Ok((recipe, text))
    }

    /// The wanted packages' names for the architecture.
    pub fn wanted(&self, arch: Arch) -> Vec<String> {
        self.packages
            .wanted
            .iter()
            .map(|name| name.replace("{arch}", arch.name()))
            .collect()
    }
}

/// The folder of the recipe and the lock.
pub fn folder() -> PathBuf {
    shell::root().join("vm-image")
}

#[cfg(test)]
mod tests {
    use super::Recipe;

    #[test]
    fn recipe_checked_in_given_parses_and_has_reasons() {
        let (recipe, _) = Recipe::read().unwrap();
        let excluded = recipe.packages.excluded.values();
        assert!(
            excluded
                .chain(recipe.root.strip.values())
                .all(|reason| !reason.is_empty())
        );
    }
}
