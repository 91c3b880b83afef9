//! Questions about the metadata of many files.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::bench::files::data;

/// How often each missing file is asked for: programs look for the same names again and again.
const TIMES: u64 = 10;

pub fn stat(folder: &Path, count: u64) -> Result<()> {
    for number in 0..count {
        let path = data::file_of(folder, number);
        fs::symlink_metadata(&path).with_context(|| format!("failed to look at {}", path.display()))?;
    }
    Ok(())
}

pub fn missing(folder: &Path, count: u64) -> Result<()> {
    let paths: Vec<PathBuf> = (0..count.div_ceil(TIMES))
        .map(|number| data::file_of(folder, number).with_extension("gone"))
        .collect();
    for number in 0..count {
        let path = &paths[usize::try_from(number)? % paths.len()];
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("failed to look for {}", path.display()));
            }
            Ok(_) => bail!("{} is there", path.display()),
        }
    }
    Ok(())
}
