//! Adds to the root disk's tree what maintainer scripts would have made, and what only a container machine needs.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail};

use super::{
    kernel_package::{KernelPackage, Module},
    programs,
    recipe::Recipe,
    unpack::Tree,
};
use crate::shell;

/// Lists the modules that the guest agent loads before it starts the engine: paths, one a line, in load order.
const ENGINE_ORDER: &str = "usr/lib/modules-engine/order";

const CERTIFICATES: &str = "usr/share/ca-certificates";

/// Adds everything.
pub fn add(tree: &Tree, recipe: &Recipe, kernel: &KernelPackage) -> Result<()> {
    for folder in &recipe.root.folders {
        tree.folder(folder)?;
    }
    for (path, target) in &recipe.root.links {
        tree.link(path, target)?;
    }
    for (path, content) in &recipe.root.files {
        tree.file(path, 0o644, &mut content.as_bytes())?;
    }
    applets(tree, &recipe.root.applets)?;
    certificates(tree)?;
    modules(tree, recipe, kernel)
}

/// Links the commands that no package brings to busybox. The program's own table of names says which it knows; it
/// cannot be asked by running it, for it may be for another architecture.
fn applets(tree: &Tree, applets: &[String]) -> Result<()> {
    let path = tree.path("usr/bin/busybox");
    let program = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let known: BTreeSet<&[u8]> = program
        .split(|byte| *byte == 0)
        .filter(|text| (1..24).contains(&text.len()))
        .collect();
    for applet in applets {
        if !known.contains(applet.as_bytes()) {
            bail!("busybox has no {applet}");
        }
        let is_taken = ["usr/bin", "usr/sbin"]
            .iter()
            .any(|folder| fs::symlink_metadata(tree.path(folder).join(applet)).is_ok());
        if !is_taken {
            tree.link(&format!("usr/bin/{applet}"), "busybox")?;
        }
    }
    Ok(())
}

/// Writes the bundle of certificate authorities that TLS libraries look for, as `update-ca-certificates` would.
fn certificates(tree: &Tree) -> Result<()> {
    let folder = tree.path(CERTIFICATES);
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    let mut bundle = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "crt"))
    {
        let text = fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
        bundle.extend_from_slice(text.trim_ascii());
        bundle.push(b'\n');
    }
    if bundle.is_empty() {
        bail!("no certificates in {CERTIFICATES}");
    }
    fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    tree.file("etc/ssl/certs/ca-certificates.crt", 0o644, &mut &bundle[..])
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Puts the modules on the disk, unpacked: reading a few more bytes costs less than unpacking xz at every start.
fn modules(tree: &Tree, recipe: &Recipe, kernel: &KernelPackage) -> Result<()> {
    let release = &kernel.release;
    let folder = format!("usr/lib/modules/{release}");
    let engine = kernel.load_order(&recipe.modules.engine)?;
    let all = [
        &recipe.modules.boot[..],
        &recipe.modules.engine,
        &recipe.modules.on_demand,
    ]
    .concat();
    for module in kernel.load_order(&all)? {
        tree.file(
            &format!("{folder}/{}", module.path),
            0o644,
            &mut &module.bytes[..],
        )?;
    }
    let line = |module: &Module| format!("/{folder}/{}\n", module.path);
    let order: String = engine.iter().map(line).collect();
    tree.file(ENGINE_ORDER, 0o644, &mut order.as_bytes())?;
    for (name, list) in &kernel.lists {
        tree.file(&format!("{folder}/{name}"), 0o644, &mut &list[..])?;
    }
    shell::run(
        shell::command(programs::program("depmod"))
            .arg("-b")
            .arg(tree.root())
            .arg(release),
    )?;
    // The binary indexes are for kmod; busybox reads the text ones.
    for entry in fs::read_dir(tree.path(&folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".bin") || name == "modules.builtin.modinfo" {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Tree, applets, certificates};

    #[test]
    fn applets_taken_and_unknown_commands_given_links_only_the_free_known_ones() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::create(folder.path().join("tree")).unwrap();
        tree.file("usr/bin/busybox", 0o755, &mut &b"\x7fELF\0ls\0ps\0"[..])
            .unwrap();
        tree.file("usr/sbin/ps", 0o755, &mut &b"other"[..]).unwrap();
        applets(&tree, &["ls".into(), "ps".into()]).unwrap();
        assert_eq!(
            std::fs::read_link(tree.path("usr/bin/ls")).unwrap().to_str(),
            Some("busybox")
        );
        assert!(!tree.path("usr/bin/ps").exists());
        assert!(applets(&tree, &["emacs".into()]).is_err());
    }

    #[test]
    fn certificates_two_given_are_bundled_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::create(folder.path().join("tree")).unwrap();
        tree.file(
            "usr/share/ca-certificates/mozilla/b.crt",
            0o644,
            &mut &b"B\n\n"[..],
        )
        .unwrap();
        tree.file("usr/share/ca-certificates/mozilla/a.crt", 0o644, &mut &b"A"[..])
            .unwrap();
        certificates(&tree).unwrap();
        assert_eq!(
            std::fs::read_to_string(tree.path("etc/ssl/certs/ca-certificates.crt")).unwrap(),
            "A\nB\n"
        );
        assert!(!tree.path("usr/share/ca-certificates").exists());
    }
}
