//! Unpacks packages into the root disk's tree, without their maintainer scripts and without what the recipe strips.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{kernel_package::KernelPackage, pattern, recipe::Root};

/// The tree that becomes the root disk.
pub struct Tree {
    root: PathBuf,
}

/// Folders that are links into `usr`; packages may still use the old paths.
const MERGED: &[&str] = &["bin", "sbin", "lib", "lib64"];

impl Tree {
    /// Starts with an empty folder.
    pub fn create(root: PathBuf) -> Result<Self> {
        fs::create_dir(&root).with_context(|| format!("failed to create {}", root.display()))?;
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755))?;
        Ok(Self { root })
    }

    /// The tree's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path of the image is on this machine.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Creates a folder and its parents, whatever this process's umask is.
    pub fn folder(&self, path: &str) -> Result<()> {
        let mut current = self.root.clone();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            current.push(name);
            match fs::create_dir(&current) {
                Ok(()) => fs::set_permissions(&current, fs::Permissions::from_mode(0o755))?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("failed to create {}", current.display()));
                }
            }
        }
        Ok(())
    }

    /// Writes a file, replacing what was there.
    pub fn file(&self, path: &str, permissions: u32, content: &mut dyn Read) -> Result<()> {
        let to = self.make_room(path)?;
        let mut file =
            fs::File::create_new(&to).with_context(|| format!("failed to create {}", to.display()))?;
        io::copy(content, &mut file).with_context(|| format!("failed to write {}", to.display()))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(permissions))?;
        Ok(())
    }

    /// Makes a symbolic link, replacing what was there.
    pub fn link(&self, path: &str, target: &str) -> Result<()> {
        let to = self.make_room(path)?;
        std::os::unix::fs::symlink(target, &to).with_context(|| format!("failed to link {}", to.display()))
    }

    /// Unpacks a package file: the kernel's files go to `kernel`, all others into the tree.
    pub fn unpack(&self, package: &Path, rules: &Root, kernel: &mut KernelPackage) -> Result<()> {
        let mut reader = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(package)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start dpkg-deb")?;
        let stdout = reader.stdout.take().context("dpkg-deb has no output")?;
        let mut archive = tar::Archive::new(io::BufReader::with_capacity(1 << 20, stdout));
        let strip: Vec<String> = rules.strip.keys().cloned().collect();
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = image_path(&entry.path()?)?;
            if KernelPackage::has(&path) {
                kernel.take(&path, &mut entry)?;
            } else if !pattern::any(&strip, &path) || pattern::any(&rules.keep, &path) {
                self.take(&path, &mut entry)
                    .with_context(|| format!("failed to unpack {path}"))?;
            }
        }
        let status = reader.wait()?;
        if !status.success() {
            bail!("dpkg-deb ended with {status} on {}", package.display());
        }
        Ok(())
    }

    fn take(&self, path: &str, entry: &mut tar::Entry<impl Read>) -> Result<()> {
        use tar::EntryType;
        match entry.header().entry_type() {
            // Folders come with what is in them; empty ones are the recipe's.
            EntryType::Directory => Ok(()),
            EntryType::Regular => {
                // Nobody but root uses the image: what root may do is for everybody to see, nothing is set-uid.
                let permissions = if entry.header().mode()? & 0o111 == 0 {
                    0o644
                } else {
                    0o755
                };
                self.file(path, permissions, entry)
            }
            EntryType::Symlink => {
                let target = entry
                    .link_name()?
                    .context("a link without a target")?
                    .into_owned();
                self.link(path, target.to_str().context("a link's target is not UTF-8")?)
            }
            EntryType::Link => {
                let target = image_path(&entry.link_name()?.context("a link without a target")?)?;
                let to = self.make_room(path)?;
                fs::hard_link(self.path(&target), &to)
                    .with_context(|| format!("failed to link {} to {target}", to.display()))
            }
            other => bail!("an entry of type {other:?}"),
        }
    }

    fn make_room(&self, path: &str) -> Result<PathBuf> {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.folder(parent)?;
        }
        let to = self.path(path);
        match fs::remove_file(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("failed to replace {}", to.display()))
            }
            _ => Ok(to),
        }
    }
}

/// The path below the image's root, with merged folders resolved; never one that leads out of it.
fn image_path(path: &Path) -> Result<String> {
    let path = path
        .to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    let path = path.trim_start_matches("./").trim_matches('/');
    if path.split('/').any(|name| name == "..") {
        bail!("{path} leads out of the tree");
    }
    let first = path.split('/').next().unwrap_or_default();
    Ok(if MERGED.contains(&first) {
        format!("usr/{path}")
    } else {
        path.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, path::Path};

    use super::{Tree, image_path};

    #[test]
    fn image_path_old_folder_given_is_below_usr() {
        assert_eq!(image_path(Path::new("./sbin/runc")).unwrap(), "usr/sbin/runc");
        assert_eq!(image_path(Path::new("./etc/hosts")).unwrap(), "etc/hosts");
        assert_eq!(image_path(Path::new("./library")).unwrap(), "library");
        assert!(image_path(Path::new("./usr/../../etc/passwd")).is_err());
    }

    #[test]
    fn file_existing_link_given_is_replaced_and_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let tree = Tree::create(outside.path().join("tree")).unwrap();
        tree.link("etc/name", "../../victim").unwrap();
        tree.file("etc/name", 0o644, &mut &b"text"[..]).unwrap();
        assert!(!outside.path().join("victim").exists());
        let metadata = std::fs::symlink_metadata(tree.path("etc/name")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o644);
    }
}
