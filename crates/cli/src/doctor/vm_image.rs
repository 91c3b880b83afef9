//! The VM image: there, for this architecture, and complete. Its hashes are checked by every start.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use platform::Folders;
use serde::Deserialize;

use super::{Check, Surroundings};
use crate::failure::chain;

const NAME: &str = "vm image";
const HINT: &str = "build it with `cargo xtask image`, or set PINNACE_VM_IMAGE to its folder";

/// The parts of an image's manifest that matter here.
#[derive(Deserialize)]
struct Manifest {
    version: String,
    arch: String,
    files: Vec<ManifestFile>,
}

#[derive(Deserialize)]
struct ManifestFile {
    name: String,
    size_bytes: u64,
}

/// Looks where the host agent looks.
pub fn check(around: &Surroundings) -> Check {
    let places = places(&around.folders);
    match places.iter().find(|place| place.join("manifest.json").exists()) {
        Some(folder) => match look_at(folder) {
            Ok(found) => Check::ok(NAME, format!("{found} in {}", folder.display())),
            Err(reason) => Check::fail(NAME, format!("{}: {reason}", folder.display()), HINT),
        },
        None => {
            let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
            Check::fail(NAME, format!("not found in {}", places.join(", ")), HINT)
        }
    }
}

/// Where the host agent looks, in its order. A variable that is set is the only place.
fn places(folders: &Folders) -> Vec<PathBuf> {
    if let Some(folder) = env::var_os("PINNACE_VM_IMAGE").filter(|value| !value.is_empty()) {
        return vec![folder.into()];
    }
    let mut places = vec![folders.data.join("vm-image")];
    let exe = env::current_exe().and_then(fs::canonicalize).ok();
    if let Some(folder) = exe.as_deref().and_then(Path::parent) {
        places.push(folder.join("vm-image"));
        if let Some(above) = folder.parent() {
            places.push(above.join("vm-image").join(host_arch()));
        }
    }
    places
}

/// The host's architecture by the VM image's names.
fn host_arch() -> &'static str {
    match env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

fn look_at(folder: &Path) -> Result<String, String> {
    let bytes = fs::read(folder.join("manifest.json"))
        .map_err(|error| format!("failed to read manifest.json: {}", chain(&error)))?;
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| format!("failed to understand manifest.json: {}", chain(&error)))?;
    if manifest.arch != host_arch() {
        return Err(format!(
            "it is for {}, this host is {}",
            manifest.arch,
            host_arch()
        ));
    }
    for file in &manifest.files {
        let found = fs::metadata(folder.join(&file.name))
            .map_err(|error| format!("failed to look at {}: {}", file.name, chain(&error)))?
            .len();
        if found != file.size_bytes {
            return Err(format!(
                "{} has {found} bytes instead of {}",
                file.name, file.size_bytes
            ));
        }
    }
    Ok(format!("{} {}", manifest.version, manifest.arch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_at_each_damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |arch: &str| {
            let text = format!(
                r#"{{"version":"1","arch":"{arch}","generation":1,
                    "files":[{{"name":"initrd","size_bytes":3,"sha256":""}}],"components":[]}}"#
            );
            fs::write(folder.path().join("manifest.json"), text).unwrap();
        };
        assert!(
            look_at(folder.path())
                .unwrap_err()
                .contains("failed to read manifest.json")
        );
        write("riscv64");
        assert!(look_at(folder.path()).unwrap_err().contains("it is for riscv64"));
        write(host_arch());
        assert!(
            look_at(folder.path())
                .unwrap_err()
                .contains("failed to look at initrd")
        );
        fs::write(folder.path().join("initrd"), "ab").unwrap();
        assert_eq!(
            look_at(folder.path()).unwrap_err(),
            "initrd has 2 bytes instead of 3"
        );
        fs::write(folder.path().join("initrd"), "abc").unwrap();
        assert_eq!(look_at(folder.path()).unwrap(), format!("1 {}", host_arch()));
    }
}
