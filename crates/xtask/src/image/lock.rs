//! `vm-image/assets.lock`: which packages an image is made of, by name, version, size and sha256.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{arch::Arch, recipe};

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// By architecture.
    pub arch: BTreeMap<String, Resolution>,
}

/// The packages for one architecture.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// When the suite was published, in seconds since 1970: the time stamp of every file in the image.
    pub published_s: u64,
    /// Sorted by name.
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
}

/// One package file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The package's name.
    pub name: String,
    /// Debian's version of it.
    pub version: String,
    /// The file's path below the mirror's root.
    pub path: String,
    /// The file's size.
    pub size_bytes: u64,
    /// The file's sha256 in hexadecimal.
    pub sha256: String,
}

impl Lock {
    /// Reads the lock; one that does not exist is empty.
    pub fn read() -> Result<Self> {
        let path = path();
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).with_context(|| format!("failed to parse {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
        }
    }

    /// Writes the lock so that a reader never sees half of it.
    pub fn write(&self) -> Result<()> {
        let path = path();
        let fresh = path.with_extension("lock.new");
        fs::write(&fresh, self.to_text()?).with_context(|| format!("failed to write {}", fresh.display()))?;
        fs::rename(&fresh, &path).with_context(|| format!("failed to replace {}", path.display()))
    }

    /// The packages for the architecture, if any are locked.
    pub fn resolution(&self, arch: Arch) -> Option<&Resolution> {
        self.arch.get(arch.name())
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    fn to_text(&self) -> Result<String> {
        let mut text = String::from(
            "# Written by `cargo xtask image --update-lock`. The hashes are what a build trusts; read changes before you keep them.\n",
        );
        for (arch, resolution) in &self.arch {
            text.push_str(&resolution.to_text(arch)?);
        }
        Ok(text)
    }
}

impl Resolution {
    /// This architecture's part of the file.
    pub fn to_text(&self, arch: &str) -> Result<String> {
        let mut text = String::new();
        writeln!(text, "\n[arch.{arch}]\npublished_s = {}", self.published_s)?;
        for Package {
            name,
            version,
            path,
            size_bytes,
            sha256,
        } in &self.packages
        {
            for value in [name, version, path, sha256] {
                if value.contains(['"', '\\', '\n']) {
                    bail!("{name}: {value:?} cannot be written to the lock");
                }
            }
            write!(
                text,
                "\n[[arch.{arch}.package]]\nname = \"{name}\"\nversion = \"{version}\"\n"
            )?;
            write!(
                text,
                "path = \"{path}\"\nsize_bytes = {size_bytes}\nsha256 = \"{sha256}\"\n"
            )?;
        }
        Ok(text)
    }

    /// One line for each package that came, went or changed between `older` and this.
    pub fn changes_since(&self, older: &Self) -> Vec<String> {
        let index = |resolution: &Self| -> BTreeMap<String, Package> {
            resolution
                .packages
                .iter()
                .map(|package| (package.name.clone(), package.clone()))
                .collect()
        };
        let (before, after) = (index(older), index(self));
        let mut changes = Vec::new();
        for (name, package) in &after {
            match before.get(name) {
                None => changes.push(format!("+ {name} {}", package.version)),
                Some(old) if old.version != package.version => {
                    changes.push(format!("~ {name} {} -> {}", old.version, package.version));
                }
                Some(old) if old.sha256 != package.sha256 => {
                    changes.push(format!("~ {name} {}: other bytes", old.version))
                }
                Some(_) => {}
            }
        }
        changes.extend(
            before
                .values()
                .filter(|old| !after.contains_key(&old.name))
                .map(|old| format!("- {} {}", old.name, old.version)),
        );
        changes
    }

    /// The version of the named package.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.packages
            .iter()
            .find(|package| package.name == name)
            .map(|package| package.version.as_str())
    }
}

fn path() -> PathBuf {
    recipe::folder().join("assets.lock")
}

#[cfg(test)]
mod tests {
    use super::{Lock, Package, Resolution};

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            path: format!("pool/{name}.deb"),
            size_bytes: 7,
            sha256: "ab".repeat(32),
        }
    }

    #[test]
    fn lock_written_and_read_is_the_same() {
        let resolution = Resolution {
            published_s: 5,
            packages: vec![package("a", "1:2~3+b1"), package("b", "1")],
        };
        let lock = Lock {
            arch: [("amd64".into(), resolution.clone()), ("arm64".into(), resolution)].into(),
        };
        assert_eq!(Lock::parse(&lock.to_text().unwrap()).unwrap(), lock);
    }

    #[test]
    fn lock_value_with_quote_given_is_refused() {
        let resolution = Resolution {
            published_s: 5,
            packages: vec![package("a", "1\"")],
        };
        assert!(resolution.to_text("amd64").is_err());
    }

    #[test]
    fn changes_since_names_what_came_went_and_changed() {
        let older = Resolution {
            published_s: 1,
            packages: vec![package("a", "1"), package("b", "1"), package("c", "1")],
        };
        let newer = Resolution {
            published_s: 2,
            packages: vec![package("a", "1"), package("b", "2"), package("d", "1")],
        };
        assert_eq!(newer.changes_since(&older), ["~ b 1 -> 2", "+ d 1", "- c 1"]);
    }
}
