//! Checks that every program on the root disk finds its shared libraries there: a rule of the recipe that strips too
//! much fails the build and not a user's machine.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, bail};
use object::{
    Endianness, elf,
    read::elf::{Dyn, FileHeader, ProgramHeader},
};

use super::{root_disk::Piece, unpack::Tree};

/// Fails with each library that is missing and a program that asks for it.
pub fn check(tree: &Tree, pieces: &[Piece]) -> Result<()> {
    let mut there = BTreeSet::new();
    for folder in ["usr/lib", "usr/lib64"] {
        collect(tree, folder, &mut there)?;
    }
    let mut missing = BTreeSet::new();
    for piece in pieces.iter().filter(|piece| !piece.path.ends_with(".ko")) {
        let program =
            fs::read(tree.path(&piece.path)).with_context(|| format!("failed to read {}", piece.path))?;
        if program.starts_with(b"\x7fELF") {
            let needed = needed(&program).with_context(|| format!("failed to read {}", piece.path))?;
            missing.extend(
                needed
                    .into_iter()
                    .filter(|name| !there.contains(name))
                    .map(|name| format!("{name} for {}", piece.path)),
            );
        }
    }
    if !missing.is_empty() {
        bail!(
            "the root disk lacks shared libraries: {}",
            Vec::from_iter(missing).join(", ")
        );
    }
    Ok(())
}

/// The names of all files and links below the folder.
fn collect(tree: &Tree, folder: &str, names: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(tree.path(folder)).with_context(|| format!("failed to read {folder}"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            if name != "modules" {
                collect(tree, &format!("{folder}/{name}"), names)?;
            }
        } else {
            names.insert(name);
        }
    }
    Ok(())
}

/// The `DT_NEEDED` names of an ELF file.
fn needed(program: &[u8]) -> Result<Vec<String>> {
    let header = elf::FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, program)?;
    let Some(dynamic) = segments
        .iter()
        .find_map(|segment| segment.dynamic(endian, program).transpose())
    else {
        return Ok(Vec::new());
    };
    let entries = dynamic?;
    let value = |tag: i64| {
        entries
            .iter()
            .find(|entry| entry.d_tag(endian).0 == tag)
            .map(|entry| entry.d_val(endian))
    };
    let Some(strings) = value(elf::DT_STRTAB.0) else {
        return Ok(Vec::new());
    };
    let strings = file_offset(segments, endian, strings).context("the string table is in no segment")?;
    let names = entries
        .iter()
        .filter(|entry| entry.d_tag(endian) == elf::DT_NEEDED)
        .map(|entry| {
            let start = usize::try_from(strings + entry.d_val(endian))?;
            let name = program
                .get(start..)
                .and_then(|rest| rest.split(|byte| *byte == 0).next())
                .context("a name outside the file")?;
            Ok(String::from_utf8_lossy(name).into_owned())
        });
    names.collect()
}

fn file_offset(
    segments: &[elf::ProgramHeader64<Endianness>],
    endian: Endianness,
    address: u64,
) -> Option<u64> {
    segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .find_map(|segment| {
            let inside = address.checked_sub(segment.p_vaddr(endian))?;
            (inside < segment.p_filesz(endian)).then(|| segment.p_offset(endian) + inside)
        })
}

#[cfg(test)]
mod tests {
    use super::{Piece, Tree, check, needed};

    #[test]
    fn needed_own_test_program_given_names_the_c_library() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(
            needed(&program)
                .unwrap()
                .iter()
                .any(|name| name.starts_with("libc."))
        );
    }

    #[test]
    fn check_missing_library_given_names_it_and_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::create(folder.path().join("tree")).unwrap();
        tree.folder("usr/lib").unwrap();
        tree.folder("usr/lib64").unwrap();
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        tree.file("usr/bin/x", 0o755, &mut &program[..]).unwrap();
        let pieces = [Piece {
            path: "usr/bin/x".into(),
            size_bytes: 0,
        }];
        let error = check(&tree, &pieces).unwrap_err().to_string();
        assert!(error.contains("libc.so.6 for usr/bin/x"), "{error}");
        for name in needed(&program).unwrap() {
            tree.file(&format!("usr/lib/x86_64-linux-gnu/{name}"), 0o644, &mut &b""[..])
                .unwrap();
        }
        check(&tree, &pieces).unwrap();
    }
}
