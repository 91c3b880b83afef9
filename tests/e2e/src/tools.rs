//! The docker CLI, buildx and compose of the VM image, made to run on this host.
//!
//! The root disk is unpacked once per VM image into `<target>/e2e-tools/`. Its programs want its own libc, so each is
//! started through a small script that names the tree's loader.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::programs::{bin_folder, vm_image_folder};

/// The client programs, ready to run.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The docker CLI.
    pub docker: PathBuf,
    /// The folder of its plugins: `docker-buildx`, `docker-compose`.
    pub plugins: PathBuf,
    /// A static busybox, for payloads.
    pub busybox: PathBuf,
}

impl Tools {
    /// Finds them, unpacking the root disk where that was not done yet.
    pub fn find() -> Result<Self> {
        let image = vm_image_folder()?;
        let manifest = fs::read(image.join("manifest.json"))?;
        let version = hex::encode(&Sha256::digest(&manifest)[..8]);
        let store = bin_folder()?
            .parent()
            .context("the programs' folder has no parent")?
            .join("e2e-tools");
        let folder = store.join(version);
        if !folder.is_dir() {
            fs::create_dir_all(&store)?;
            let fresh = store.join(format!("unpacking-{}", std::process::id()));
            unpack(&image.join("root.erofs"), &fresh)?;
            wrap_programs(&fresh, &folder)?;
            match fs::rename(&fresh, &folder) {
                Ok(()) => {}
                // Another run was faster.
                Err(_) if folder.is_dir() => fs::remove_dir_all(&fresh)?,
                Err(error) => return Err(error).context("failed to put the unpacked tools in place"),
            }
        }
        let docker = match std::env::var_os("PINNACE_E2E_DOCKER") {
            Some(path) => PathBuf::from(path),
            None => folder.join("run/docker"),
        };
        Ok(Self {
            docker,
            plugins: folder.join("run/plugins"),
            busybox: folder.join("tree/bin/busybox"),
        })
    }
}

fn unpack(root_disk: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let tree = folder.join("tree");
    let output = Command::new("fsck.erofs")
        .arg(format!("--extract={}", tree.display()))
        .args(["--no-preserve", "--overwrite"])
        .arg(root_disk)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .stdin(Stdio::null())
        .output()
        .context("failed to run fsck.erofs, which is in the package erofs-utils")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "failed to unpack {}: {}",
        root_disk.display(),
        said.trim()
    );
    Ok(())
}

/// Writes one script for each program; `home` is where `folder` will be in the end.
fn wrap_programs(folder: &Path, home: &Path) -> Result<()> {
    let tree = folder.join("tree");
    let loader = find_loader(&tree)?;
    let plugins = "usr/libexec/docker/cli-plugins";
    fs::create_dir_all(folder.join("run/plugins"))?;
    for (script, program) in [
        ("run/docker", "usr/bin/docker".to_owned()),
        ("run/plugins/docker-buildx", format!("{plugins}/docker-buildx")),
        ("run/plugins/docker-compose", format!("{plugins}/docker-compose")),
    ] {
        ensure!(tree.join(&program).is_file(), "the root disk has no {program}");
        let home = home.join("tree");
        let home = home.display();
        let libraries = ["lib", "usr/lib", "lib64"].map(|folder| format!("{home}/{folder}"));
        let architecture = loader_architecture();
        let text = format!(
            "#!/bin/sh\nexec {home}/{loader} --library-path {home}/usr/lib/{architecture}:{} --argv0 {program} {home}/{program} \"$@\"\n",
            libraries.join(":"),
            loader = loader.display(),
        );
        let path = folder.join(script);
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn loader_architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "aarch64-linux-gnu"
    } else {
        "x86_64-linux-gnu"
    }
}

/// Returns the dynamic loader's path inside the tree.
fn find_loader(tree: &Path) -> Result<PathBuf> {
    for folder in [
        format!("usr/lib/{}", loader_architecture()),
        "usr/lib64".to_owned(),
        "usr/lib".to_owned(),
    ] {
        for entry in fs::read_dir(tree.join(&folder)).into_iter().flatten() {
            let name = entry?.file_name();
            if name.to_string_lossy().starts_with("ld-linux-") {
                return Ok(Path::new(&folder).join(name));
            }
        }
    }
    bail!("the root disk has no dynamic loader")
}
