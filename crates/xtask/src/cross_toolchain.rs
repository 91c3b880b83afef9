//! A private Rust compiler with the standard library's source, from the packages that the machine's apt offers.
//!
//! Cargo with `-Zbuild-std` and this compiler checks and builds for targets that the installed toolchain has no
//! standard library for: `x86_64-pc-windows-gnu`, `aarch64-apple-darwin`, `aarch64-unknown-linux-gnu`. The packages
//! are Debian's `rustc-web` and `rust-web-src` (Debian builds its browsers with them, so they stay recent); they are
//! unpacked below the target folder and never installed, because they would replace the machine's own rustc.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::shell;

/// What is asked of apt; the packages they depend on come along, see `SYSTEM_PACKAGES`.
const WANTED: &[&str] = &["rustc-web", "rust-web-src"];

/// Whose dependencies are followed. `rustc-web` itself also depends on a C compiler, which is the machine's own.
const FOLLOWED: &str = "libstd-rust-web-dev";

/// Dependencies that every machine has, or that must be the machine's own: mixing a second C library in crashes.
const SYSTEM_PACKAGES: &[&str] = &[
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "libcrypt1",
    "zlib1g",
    "liblzma5",
    "libzstd1",
];

/// The file that says which packages an unpacked toolchain was made of.
const STAMP: &str = ".packages";

/// An unpacked compiler, ready for use.
pub struct CrossToolchain {
    root: PathBuf,
    library: PathBuf,
}

impl CrossToolchain {
    /// A cargo that uses this compiler and builds the standard library from source: add `-Zbuild-std=std,panic_abort`
    /// and `--target`. It runs in the workspace's root.
    pub fn cargo(&self) -> Command {
        let mut cargo = shell::cargo();
        cargo
            .env("RUSTC", self.root.join("usr/bin/rustc"))
            .env("LD_LIBRARY_PATH", self.shared_libraries())
            .env("RUSTC_BOOTSTRAP", "1")
            // Cargo's own tests use this variable to say where the standard library's source is; there is no other way
            // to say it for a compiler whose sysroot has no `rustlib/src`.
            .env("__CARGO_TESTS_ONLY_SRC_ROOT", &self.library)
            // The tasks are themselves started by cargo, whose variables name another compiler.
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTC_WORKSPACE_WRAPPER");
        cargo
    }

    /// The folder that holds `usr/bin/rustc`.
    #[expect(dead_code, reason = "for tasks that need rustdoc or the compiler itself")]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn shared_libraries(&self) -> PathBuf {
        self.root.join("usr/lib").join(multiarch())
    }
}

/// Returns the private compiler, downloading and unpacking it at the first call and when apt offers another version.
pub fn prepare() -> Result<CrossToolchain> {
    let root = shell::target_dir().join("cross-toolchain");
    let packages = packages()?;
    let stamp = packages.join("\n");
    let unpacked = fs::read_to_string(root.join(STAMP)).is_ok_and(|found| found == stamp);
    if !unpacked {
        unpack(&root, &packages)?;
        fs::write(root.join(STAMP), &stamp)
            .with_context(|| format!("failed to write {}", root.join(STAMP).display()))?;
    }
    let library = library_source(&root)?;
    let toolchain = CrossToolchain { root, library };
    let mut version = Command::new(toolchain.root.join("usr/bin/rustc"));
    version
        .arg("--version")
        .env("LD_LIBRARY_PATH", toolchain.shared_libraries());
    shell::output(&mut version).context("the unpacked compiler does not run")?;
    Ok(toolchain)
}

/// Names with versions (`name=version`), sorted, of everything that must be unpacked.
fn packages() -> Result<Vec<String>> {
    let mut apt = shell::command("apt-cache");
    apt.args(["depends", "--recurse", "--important", FOLLOWED]);
    let listing = String::from_utf8(shell::output(&mut apt).context(MISSING)?)?;
    let mut names: Vec<&str> = WANTED.to_vec();
    names.extend(dependencies(&listing));
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| Ok(format!("{name}={}", candidate(name)?)))
        .collect()
}

const MISSING: &str = "apt offers no rustc-web and rust-web-src (Debian 12 and newer have them in their security suite); run `apt-get update` and try again";

/// The package names in the output of `apt-cache depends --recurse`: the lines that start in the first column.
fn dependencies(listing: &str) -> impl Iterator<Item = &str> {
    listing
        .lines()
        .filter(|line| !line.starts_with([' ', '<', '|']) && !line.is_empty())
        .map(|line| line.split(':').next().unwrap_or(line))
        .filter(|name| !SYSTEM_PACKAGES.contains(name) && !name.starts_with("gcc-"))
}

fn candidate(package: &str) -> Result<String> {
    let policy = String::from_utf8(shell::output(
        shell::command("apt-cache").args(["policy", package]),
    )?)?;
    let version = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "));
    match version {
        Some(version) if version != "(none)" => Ok(version.to_owned()),
        _ => bail!("{package}: {MISSING}"),
    }
}

fn unpack(root: &Path, packages: &[String]) -> Result<()> {
    eprintln!(
        "unpacking a compiler for other systems into {} ({} packages)",
        root.display(),
        packages.len()
    );
    let parent = root.parent().unwrap_or(root);
    fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
    let fresh = tempfile::Builder::new()
        .prefix("cross-toolchain.")
        .tempdir_in(parent)
        .with_context(|| format!("failed to create a folder in {}", parent.display()))?;
    let archives = fresh.path().join("archives");
    let tree = fresh.path().join("tree");
    fs::create_dir(&archives)?;
    // As root, apt would become the user `_apt`, who cannot write here; that is only a warning, and silenced.
    let mut download = Command::new("apt-get");
    download
        .args(["-qq", "-o", "APT::Sandbox::User=root", "download"])
        .args(packages)
        .current_dir(&archives);
    shell::run(&mut download)?;
    for entry in fs::read_dir(&archives)? {
        shell::run(shell::command("dpkg-deb").arg("-x").arg(entry?.path()).arg(&tree))?;
    }
    trim(&tree)?;
    if root.exists() {
        fs::remove_dir_all(root).with_context(|| format!("failed to remove {}", root.display()))?;
    }
    fs::rename(&tree, root).with_context(|| format!("failed to move the compiler to {}", root.display()))
}

/// Removes what takes most of the space and no build reads: the compiler's own source and the documentation.
fn trim(tree: &Path) -> Result<()> {
    let source = source_folder(tree)?;
    let mut unused = vec![tree.join("usr/share")];
    for entry in fs::read_dir(&source)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != "library" {
            unused.push(entry.path());
        }
    }
    for folder in unused.iter().filter(|folder| folder.exists()) {
        fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    Ok(())
}

fn library_source(root: &Path) -> Result<PathBuf> {
    let library = source_folder(root)?.join("library");
    if !library.join("Cargo.toml").exists() {
        bail!("{} holds no standard library source", library.display());
    }
    Ok(library)
}

/// `usr/src/rustc-VERSION`, the only folder of that kind.
fn source_folder(root: &Path) -> Result<PathBuf> {
    let sources = root.join("usr/src");
    for entry in fs::read_dir(&sources).with_context(|| format!("failed to read {}", sources.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("rustc-") {
            return Ok(entry.path());
        }
    }
    bail!("no rustc source in {}", sources.display())
}

/// Debian's name of the folder for this machine's shared libraries.
fn multiarch() -> String {
    format!("{}-linux-gnu", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::dependencies;

    #[test]
    fn dependencies_listing_given_keeps_packages_and_leaves_the_systems_own() {
        let listing = "libstd-rust-web-dev\n  Depends: libstd-rust-web-1.96\nlibstd-rust-web-1.96\n  Depends: libllvm22\n\
                       libllvm22:amd64\nlibc6\ngcc-12-base\n<libc-dev>\n";
        let found: Vec<_> = dependencies(listing).collect();
        assert_eq!(
            found,
            ["libstd-rust-web-dev", "libstd-rust-web-1.96", "libllvm22"]
        );
    }
}
