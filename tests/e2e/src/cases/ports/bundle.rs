//! Images of programs of this host: a program, the libraries that it asks for, and nothing else.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::Machine;

/// For programs that become another user than the one they are started by.
const USERS: &[(&str, &str)] = &[
    ("etc/passwd", "root:x:0:0:root:/:/bin/sh\n"),
    ("etc/group", "root:x:0:\n"),
];

/// Imports an image that holds a program at the path that it has here, unless the engine has it.
pub fn import(machine: &Machine, image: &str, program: &Path) -> Result<()> {
    let docker = &machine.docker;
    if docker.run(["image", "inspect", image]).run()?.status.success() {
        return Ok(());
    }
    docker
        .run(["import", "-", image])
        .input(archive(program)?)
        .run()?
        .success()?;
    Ok(())
}

fn archive(program: &Path) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut folders = BTreeSet::new();
    for file in std::iter::once(program.to_owned()).chain(libraries(program)?) {
        let inside = file.strip_prefix("/").unwrap_or(&file);
        let parents: Vec<&Path> = inside.ancestors().skip(1).collect();
        for folder in parents
            .into_iter()
            .rev()
            .filter(|folder| *folder != Path::new(""))
        {
            if folders.insert(folder.to_owned()) {
                let header = header(tar::EntryType::Directory, 0o755, 0);
                append(&mut archive, header, folder, &[])?;
            }
        }
        let bytes = fs::read(&file).with_context(|| format!("failed to read {}", file.display()))?;
        let header = header(tar::EntryType::Regular, 0o755, bytes.len());
        append(&mut archive, header, inside, &bytes)?;
    }
    for (path, text) in USERS {
        let header = header(tar::EntryType::Regular, 0o644, text.len());
        append(&mut archive, header, Path::new(path), text.as_bytes())?;
    }
    Ok(archive.into_inner()?)
}

fn header(kind: tar::EntryType, mode: u32, length: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(length as u64);
    header
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    mut header: tar::Header,
    path: &Path,
    bytes: &[u8],
) -> Result<()> {
    archive
        .append_data(&mut header, path, bytes)
        .with_context(|| format!("failed to pack {}", path.display()))
}

/// The libraries and the loader of a program, as the loader finds them.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .context("failed to run ldd")?;
    ensure!(
        output.status.success(),
        "ldd of {} failed: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let found = paths_in(&String::from_utf8_lossy(&output.stdout));
    ensure!(!found.is_empty(), "ldd names no library of {}", program.display());
    Ok(found)
}

/// `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux.so.2 (0x…)`; what the kernel gives has no path.
fn paths_in(listing: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let found = line.split_once("=> ").map_or(line, |(_, found)| found).trim();
        let path = found.split(' ').next()?;
        path.starts_with('/').then(|| path.into())
    };
    listing.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_listing_are_libraries_and_loader() {
        let listing =
            "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\t/lib64/ld.so.2 (0x3)\n";
        assert_eq!(
            paths_in(listing),
            [Path::new("/lib/libc.so.6"), Path::new("/lib64/ld.so.2")]
        );
    }
}
