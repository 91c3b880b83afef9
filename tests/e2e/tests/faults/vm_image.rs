//! The VM image: missing, truncated, changed, of another architecture.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use pinnace_e2e::{Machine, vm_image_folder};

use crate::{Fault, fake};

pub const CASES: &[Fault] = &[
    fake("image_missing_refuses_to_start_naming_the_next_step", missing),
    fake(
        "image_without_one_file_refuses_to_start_naming_it",
        one_file_missing,
    ),
    fake(
        "image_with_a_truncated_file_refuses_to_start_naming_it",
        truncated,
    ),
    fake(
        "image_with_one_flipped_bit_refuses_to_start_naming_the_file",
        flipped_bit,
    ),
    fake(
        "image_of_another_architecture_refuses_to_start_naming_both",
        other_architecture,
    ),
    fake(
        "image_with_a_damaged_manifest_refuses_to_start_naming_it",
        damaged_manifest,
    ),
    fake(
        "image_damaged_between_two_starts_is_noticed_at_the_second",
        damaged_between_starts,
    ),
];

fn missing(machine: &Machine) -> Result<()> {
    refused(machine, &machine.home.path().join("nowhere"), &["image", "hint:"])
}

fn one_file_missing(machine: &Machine) -> Result<()> {
    let image = copy(machine)?;
    fs::remove_file(image.join("initrd"))?;
    refused(machine, &image, &["initrd"])
}

fn truncated(machine: &Machine) -> Result<()> {
    let image = copy(machine)?;
    let file = fs::File::options().write(true).open(image.join("initrd"))?;
    file.set_len(file.metadata()?.len() - 1)?;
    refused(machine, &image, &["initrd", "hint:"])
}

fn flipped_bit(machine: &Machine) -> Result<()> {
    let image = copy(machine)?;
    flip_bit(&image.join("initrd"))?;
    refused(machine, &image, &["initrd", "hint:"])
}

fn other_architecture(machine: &Machine) -> Result<()> {
    let image = copy(machine)?;
    let (own, other) = if cfg!(target_arch = "aarch64") {
        ("arm64", "amd64")
    } else {
        ("amd64", "arm64")
    };
    let manifest = fs::read_to_string(image.join("manifest.json"))?;
    let mut manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    manifest["arch"] = other.into();
    fs::write(image.join("manifest.json"), manifest.to_string())?;
    refused(machine, &image, &[own, other])
}

fn damaged_manifest(machine: &Machine) -> Result<()> {
    let image = copy(machine)?;
    let manifest = fs::read(image.join("manifest.json"))?;
    fs::write(image.join("manifest.json"), &manifest[..manifest.len() / 2])?;
    refused(machine, &image, &["manifest.json"])
}

fn damaged_between_starts(machine: &Machine) -> Result<()> {
    let image = copy(machine)?;
    let start = |machine: &Machine| {
        machine
            .pinnace
            .run(["start"])
            .env("PINNACE_VM_IMAGE", &image)
            .run()
    };
    start(machine)?.success()?;
    machine.stop()?;
    flip_bit(&image.join("vmlinux"))?;
    start(machine)?.fails_naming(&["vmlinux"])?;
    flip_bit(&image.join("vmlinux"))?;
    start(machine)?.success()?;
    Ok(())
}

/// A copy in the home whose files may be changed.
fn copy(machine: &Machine) -> Result<PathBuf> {
    let (from, to) = (vm_image_folder()?, machine.home.path().join("image"));
    fs::create_dir(&to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(to)
}

/// Changes one bit in the middle and neither size nor times.
fn flip_bit(path: &Path) -> Result<()> {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| path.display().to_string())?;
    let (metadata, mut byte) = (file.metadata()?, [0]);
    let middle = metadata.len() / 2;
    file.read_exact_at(&mut byte, middle)?;
    file.write_all_at(&[byte[0] ^ 1], middle)?;
    file.set_modified(metadata.modified()?)?;
    Ok(())
}

fn refused(machine: &Machine, image: &Path, words: &[&str]) -> Result<()> {
    machine
        .pinnace
        .run(["start"])
        .env("PINNACE_VM_IMAGE", image)
        .run()?
        .fails_naming(words)?;
    ensure!(
        !machine.home.data_disk().exists(),
        "a data disk was made for a machine that cannot start"
    );
    Ok(())
}
