//! The package files that the lock names: fetched, checked, kept for the next build.

use std::{
    collections::VecDeque,
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};

use super::{
    lock::Package,
    mirror::{FetchError, Mirror},
};

/// Files fetched at the same time; more does not help on a mirror that limits each client.
const PARALLEL: usize = 4;

/// Package files by their sha256.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the folder, creating it.
    pub fn open(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
        Ok(Self { folder })
    }

    /// Where the package's file is once it is there.
    pub fn path(&self, package: &Package) -> PathBuf {
        self.folder.join(format!("{}.deb", package.sha256))
    }

    /// The packages whose files are not there. Every file that is there is read and hashed; one that is not what its
    /// name says is removed.
    pub fn missing(&self, packages: &[Package]) -> Result<Vec<Package>> {
        let mut missing = Vec::new();
        for package in packages {
            let path = self.path(package);
            match file_sha256(&path) {
                Ok(found) if found == package.sha256 => {}
                Ok(_) => {
                    eprintln!("note: {} was damaged and is fetched again", path.display());
                    fs::remove_file(&path).with_context(|| format!("failed to remove {}", path.display()))?;
                    missing.push(package.clone());
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => missing.push(package.clone()),
                Err(error) => {
                    return Err(error).with_context(|| format!("failed to read {}", path.display()));
                }
            }
        }
        Ok(missing)
    }

    /// Fetches the packages' files, several at a time. The first failure ends it.
    pub fn fetch(&self, mirror: &Mirror, packages: &[Package]) -> Result<(), FetchError> {
        let bar = progress(packages.iter().map(|package| package.size_bytes).sum());
        let queue: Mutex<VecDeque<&Package>> = Mutex::new(packages.iter().collect());
        let failure: Mutex<Option<FetchError>> = Mutex::new(None);
        let next = || {
            let has_failed = failure.lock().is_ok_and(|failure| failure.is_some());
            if has_failed {
                None
            } else {
                queue.lock().ok()?.pop_front()
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..PARALLEL {
                scope.spawn(|| {
                    while let Some(package) = next() {
                        let fetched = mirror.download(
                            &package.path,
                            &package.sha256,
                            &self.path(package),
                            &mut |count| bar.inc(count),
                        );
                        if let (Err(error), Ok(mut failure)) = (fetched, failure.lock()) {
                            failure.get_or_insert(error);
                        }
                    }
                });
            }
        });
        bar.finish_and_clear();
        match failure.into_inner() {
            Ok(Some(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The sha256 of a file in hexadecimal.
pub fn file_sha256(path: &Path) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = std::io::Read::read(&mut file, &mut buffer)?;
        if count == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..count]);
    }
}

fn progress(total_bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(total_bytes);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) =
        ProgressStyle::with_template("fetching packages {bar:30} {bytes}/{total_bytes} {bytes_per_sec}")
    {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::{Cache, Package};

    #[test]
    fn missing_damaged_file_given_is_removed_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_path_buf()).unwrap();
        let package = |sha256: &str| Package {
            name: "a".into(),
            version: "1".into(),
            path: "pool/a.deb".into(),
            size_bytes: 3,
            sha256: sha256.into(),
        };
        let good = package("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let damaged = package(&"0".repeat(64));
        let absent = package(&"1".repeat(64));
        std::fs::write(cache.path(&good), "abc").unwrap();
        std::fs::write(cache.path(&damaged), "abc").unwrap();
        let missing = cache
            .missing(&[good.clone(), damaged.clone(), absent.clone()])
            .unwrap();
        assert_eq!(missing, [damaged.clone(), absent]);
        assert!(!cache.path(&damaged).exists());
        assert!(cache.path(&good).exists());
    }
}
