//! The files that are worked on, the same in every place.
//!
//! ```text
//!   repository/   a git repository in which nothing is changed
//!   tree/         many small files, for find, stat and names that are missing
//!   large         one large file
//!   small.tar     an archive of small files
//!   all.tar       all of the above, for the place that this host cannot reach
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{place::Place, worker::git};
use crate::shell;

pub const REPOSITORY: &str = "repository";
pub const TREE: &str = "tree";
pub const LARGE: &str = "large";
pub const SMALL: &str = "small.tar";
pub const ARCHIVE: &str = "all.tar";

/// Files of a folder of a tree.
const FILES_PER_FOLDER: u64 = 50;
/// Bytes of a small file.
const SMALL_BYTES: u64 = 1024;

/// How much of everything.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Files in the repository.
    pub tracked: u64,
    /// Files in the tree.
    pub listed: u64,
    /// Files in the archive of small files.
    pub packed: u64,
    /// Questions for files that are missing.
    pub missing: u64,
    /// Questions for files that are there.
    pub stated: u64,
    /// Pages that are read here and there.
    pub pages: u64,
    /// Writes that are waited for.
    pub synced: u64,
    /// Bytes of the large file.
    pub large_bytes: u64,
}

impl Sizes {
    /// So many percent of the full size, and a large file of so many MiB.
    pub fn scaled(percent: u32, mib: u32) -> Self {
        let of = |full: u64| full * u64::from(percent) / 100;
        Self {
            tracked: of(20_000),
            listed: of(50_000),
            packed: of(20_000),
            missing: of(100_000),
            stated: of(10_000),
            pages: of(50_000),
            synced: of(2_000),
            large_bytes: u64::from(mib) << 20,
        }
    }
}

/// The folders of all places on this host. Dropping it deletes them.
pub struct Data {
    root: tempfile::TempDir,
}

impl Data {
    /// Makes the files in each place that this host can reach.
    pub fn make(sizes: &Sizes) -> Result<Self> {
        let folder = super::super::folder();
        fs::create_dir_all(&folder)?;
        let root = tempfile::Builder::new()
            .prefix("files-")
            .tempdir_in(&folder)
            .with_context(|| format!("failed to make a folder in {}", folder.display()))?;
        let data = Self { root };
        let seed = data.root.path().join("seed");
        fs::create_dir(&seed)?;
        self::seed(&seed, sizes)?;
        let archive = data.root.path().join(ARCHIVE);
        shell::output(
            shell::command("tar")
                .arg("-cf")
                .arg(&archive)
                .arg("-C")
                .arg(&seed)
                .arg("."),
        )?;
        fs::remove_dir_all(&seed)?;
        for place in Place::ALL.into_iter().filter(|place| *place != Place::Local) {
            let folder = data.folder(place);
            fs::create_dir(&folder)?;
            shell::output(
                shell::command("tar")
                    .arg("-xf")
                    .arg(&archive)
                    .arg("-C")
                    .arg(&folder),
            )?;
        }
        fs::rename(&archive, data.folder(Place::Pinnace).join(ARCHIVE))?;
        Ok(data)
    }

    /// The folder of a place on this host.
    pub fn folder(&self, place: Place) -> PathBuf {
        self.root.path().join(place.folder())
    }
}

/// Makes the files in an empty folder.
pub fn seed(folder: &Path, sizes: &Sizes) -> Result<()> {
    let repository = folder.join(REPOSITORY);
    tree(&repository, sizes.tracked)?;
    for args in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "files"],
    ] {
        shell::output(git(&repository).args(args))?;
    }
    tree(&folder.join(TREE), sizes.listed)?;
    let large: Vec<u8> = (0..sizes.large_bytes).map(|at| (at % 251) as u8).collect();
    fs::write(folder.join(LARGE), large)?;
    let small = folder.join("small");
    tree(&small, sizes.packed)?;
    let mut pack = shell::command("tar");
    pack.args(["--owner=0", "--group=0", "-cf"])
        .arg(folder.join(SMALL))
        .arg("-C")
        .arg(&small)
        .arg(".");
    shell::output(&mut pack)?;
    fs::remove_dir_all(&small)?;
    Ok(())
}

fn tree(folder: &Path, files: u64) -> Result<()> {
    fs::create_dir(folder)?;
    for number in 0..files {
        let path = file_of(folder, number);
        if number % FILES_PER_FOLDER == 0 {
            fs::create_dir(path.parent().unwrap_or(folder))?;
        }
        let text = format!("{number}\n").repeat(usize::try_from(SMALL_BYTES)?);
        fs::write(path, &text.as_bytes()[..usize::try_from(SMALL_BYTES)?])?;
    }
    Ok(())
}

/// A file of a tree, by its number.
pub fn file_of(tree: &Path, number: u64) -> PathBuf {
    tree.join(format!("d{}", number / FILES_PER_FOLDER))
        .join(format!("f{}.txt", number % FILES_PER_FOLDER))
}
