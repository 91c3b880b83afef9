//! Folders of this host that the cases give to containers.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::Machine;

/// A folder. Dropping it deletes it.
pub struct Folder {
    /// Where it is on this host.
    pub path: PathBuf,
}

impl Folder {
    /// Makes an empty one in the user's home, which is shared.
    pub fn at_home(machine: &Machine, name: &str) -> Result<Self> {
        Self::make(machine.home.user().join(name))
    }

    /// Makes an empty one that is in no share.
    pub fn elsewhere(machine: &Machine, name: &str) -> Result<Self> {
        Self::make(machine.home.path().join("elsewhere").join(name))
    }

    /// Makes a folder and those on the way to it.
    pub fn make(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path).with_context(|| format!("failed to create {}", path.display()))?;
        Ok(Self { path })
    }

    /// Its path as an argument.
    pub fn text(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// The argument of `-v` that mounts it.
    pub fn bind(&self, target: &str) -> String {
        format!("{}:{target}", self.path.display())
    }

    /// Writes a file in it, in place.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.path.join(name);
        fs::write(&path, content).with_context(|| format!("failed to write {}", path.display()))
    }

    /// Writes a file in it as editors do: another one, which takes the place of the old.
    pub fn replace(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let fresh = format!(".{name}.fresh");
        self.write(&fresh, content)?;
        fs::rename(self.path.join(fresh), self.path.join(name))?;
        Ok(())
    }

    /// Reads a file in it.
    pub fn read(&self, name: impl AsRef<Path>) -> Result<String> {
        let path = self.path.join(name);
        fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
    }

    /// Whether there is something of this name in it.
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).symlink_metadata().is_ok()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left goes with the home.
        let _ = fs::remove_dir_all(&self.path);
    }
}
