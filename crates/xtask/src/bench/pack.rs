//! A root folder for a container: programs of this host and the libraries that they ask for, as a tar archive.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// An archive that grows.
pub struct Pack {
    archive: tar::Builder<Vec<u8>>,
    libraries: BTreeSet<PathBuf>,
}

impl Pack {
    pub fn new() -> Self {
        Self {
            archive: tar::Builder::new(Vec::new()),
            libraries: BTreeSet::new(),
        }
    }

    pub fn folder(&mut self, path: &str, mode: u32) -> Result<()> {
        self.append(tar::EntryType::Directory, Path::new(path), mode, &[])
    }

    pub fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        self.append(tar::EntryType::Regular, Path::new(path), mode, bytes)
    }

    /// A program of this host; its libraries follow at the end.
    pub fn program(&mut self, program: &Path, inside: &str) -> Result<()> {
        self.libraries.extend(libraries_of(program)?);
        self.copy(program, Path::new(inside))
    }

    /// This very program.
    pub fn this_program(&mut self, inside: &str) -> Result<()> {
        // Without what only a debugger reads it is a tenth as large.
        let stripped = tempfile::NamedTempFile::new()?;
        let mut strip = shell::command("strip");
        strip.arg("-o").arg(stripped.path()).arg(env::current_exe()?);
        shell::run(&mut strip)?;
        self.program(stripped.path(), inside)
    }

    pub fn finish(mut self) -> Result<Vec<u8>> {
        for library in std::mem::take(&mut self.libraries) {
            let inside = library.strip_prefix("/").unwrap_or(&library).to_owned();
            self.copy(&library, &inside)?;
        }
        Ok(self.archive.into_inner()?)
    }

    fn copy(&mut self, file: &Path, inside: &Path) -> Result<()> {
        let bytes = fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
        self.append(tar::EntryType::Regular, inside, 0o755, &bytes)
    }

    fn append(&mut self, kind: tar::EntryType, path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        self.archive
            .append_data(&mut header, path, bytes)
            .with_context(|| format!("failed to pack {}", path.display()))
    }
}

/// A program of this host by its name.
pub fn find(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .with_context(|| format!("this host has no {name}"))
}

/// The libraries and the loader of a program, as the loader finds them; none of a static one.
fn libraries_of(program: &Path) -> Result<Vec<PathBuf>> {
    let mut ldd = shell::command("ldd");
    let output = ldd.arg(program).output().context("failed to run ldd")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() || said.contains("not a dynamic executable"),
        "ldd of {} failed: {said}",
        program.display()
    );
    // `libc.so.6 => /lib/libc.so.6 (0x…)`, `/lib64/ld-linux.so.2 (0x…)`; what the kernel gives has no path.
    let path = |line: &str| {
        let found = line.split_once("=> ").map_or(line, |(_, found)| found).trim();
        let path = found.split(' ').next()?;
        path.starts_with('/').then(|| path.into())
    };
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(path)
        .collect())
}
