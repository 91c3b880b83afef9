//! Builds the VM image: kernel, initial RAM disk, root disk and manifest, from locked packages, always the same bytes.
//!
//! `vm-image/recipe.toml` says what goes in, `vm-image/assets.lock` which files that is today. The steps:
//!
//! ```text
//!  mirror ─► suite ─► resolve ─► lock ─► assets (cache) ─► unpack ─┬► kernel_package ─► kernel ───────────────► vmlinux
//!                                                                  │              └► initrd ◄─ guest_agent ──► initrd
//!                                                                  └► additions ─► root_disk ────────────────► root.erofs
//! ```
//!
//! An image is built in a folder of its own and takes its place when it is whole.

mod additions;
mod arch;
mod assets;
mod control;
mod cpio;
mod guest_agent;
mod initrd;
mod inputs;
mod kernel;
mod kernel_package;
mod linkage;
mod lock;
mod lz4;
mod manifest;
mod mirror;
mod pattern;
mod programs;
mod recipe;
mod report;
mod resolve;
mod root_disk;
mod suite;
mod unpack;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

pub use arch::Arch;
use assets::Cache;
use inputs::Inputs;
use kernel_package::KernelPackage;
use lock::{Lock, Resolution};
use manifest::Manifest;
use mirror::{FetchError, Mirror};
pub use programs::{CROSS_PACKAGES, PACKAGES};
use recipe::Recipe;
use unpack::Tree;

use crate::shell;

/// Arguments.
#[derive(Default, clap::Args)]
pub struct ImageArgs {
    /// Architecture of the machine
    #[arg(long, value_enum, default_value_t = Arch::native())]
    pub arch: Arch,
    /// Fails when a locked package is no longer served, instead of updating the lock
    #[arg(long, conflicts_with = "update_lock")]
    pub locked: bool,
    /// Takes the newest packages of the suite into the lock
    #[arg(long)]
    pub update_lock: bool,
    /// Takes this static program as the guest agent instead of building it
    #[arg(long, value_name = "PATH")]
    pub guest_agent: Option<PathBuf>,
    /// Builds everything twice in different folders and fails when a byte differs
    #[arg(long)]
    pub check_deterministic: bool,
}

/// Where images are built, each in a folder of its architecture's name.
pub fn images_folder() -> PathBuf {
    shell::target_dir().join("vm-image")
}

/// Where the image of an architecture is built.
pub fn output_folder(arch: Arch) -> PathBuf {
    images_folder().join(arch.name())
}

/// The suite that images are built from, and the address of a mirror that has it.
pub fn source() -> Result<(String, String)> {
    let (recipe, _) = Recipe::read()?;
    let mirror = Mirror::find(&recipe.suite.name)?;
    Ok((recipe.suite.name, mirror.site().to_owned()))
}

/// Builds the image, or finds that it is built already.
pub fn run(args: ImageArgs) -> Result<()> {
    build(&args).map(drop)
}

/// Builds the image and returns its folder.
pub fn build(args: &ImageArgs) -> Result<PathBuf> {
    programs::ensure(args.arch)?;
    let (recipe, recipe_text) = Recipe::read()?;
    let folder = images_folder();
    let cache = Cache::open(folder.join("cache"))?;
    let resolution = packages(args, &recipe, &cache)?;
    let agent = guest_agent::obtain(args.guest_agent.as_deref(), args.arch)?;
    let inputs = Inputs::of(&recipe_text, &resolution, args.arch, &agent)?;
    let output = output_folder(args.arch);
    let builder = Builder {
        args,
        recipe: &recipe,
        resolution: &resolution,
        cache: &cache,
        agent: &agent,
        inputs: &inputs,
    };
    let built =
        Inputs::read(&output).filter(|_| manifest::FILES.iter().all(|name| output.join(name).exists()));
    match built {
        Some(built) if built == inputs && !args.check_deterministic => {
            eprintln!("the VM image in {} is up to date", output.display());
        }
        Some(built) if built.system == inputs.system && !args.check_deterministic => {
            let fresh = fresh_folder(&folder)?;
            builder.replace_agent(&output, fresh.path())?;
            publish(fresh, &output)?;
        }
        _ => {
            let fresh = fresh_folder(&folder)?;
            builder.build(fresh.path())?;
            if args.check_deterministic {
                let second = fresh_folder(&std::env::temp_dir())?;
                builder.build(second.path())?;
                report::compare(fresh.path(), second.path())?;
            }
            publish(fresh, &output)?;
        }
    }
    Ok(output)
}

/// The packages to build from, all of them in the cache.
fn packages(args: &ImageArgs, recipe: &Recipe, cache: &Cache) -> Result<Resolution> {
    let mut lock = Lock::read()?;
    if let Some(locked) = lock.resolution(args.arch).filter(|_| !args.update_lock) {
        let missing = cache.missing(&locked.packages)?;
        if missing.is_empty() {
            return Ok(locked.clone());
        }
        let mirror = Mirror::find(&recipe.suite.name)?;
        match cache.fetch(&mirror, &missing) {
            Ok(()) => return Ok(locked.clone()),
            Err(FetchError::Gone { path }) if !args.locked => {
                eprintln!("note: the mirror no longer serves {path}; resolving the packages anew");
            }
            Err(error) => return Err(error).context("failed to fetch the locked packages"),
        }
    } else if args.locked {
        bail!(
            "vm-image/assets.lock has nothing for {}; run `cargo xtask image --arch {0} --update-lock`",
            args.arch.name()
        );
    }
    let mirror = Mirror::find(&recipe.suite.name)?;
    let release = suite::Release::fetch(&mirror, &recipe.suite)?;
    let index = release.index(&mirror, &recipe.suite, args.arch)?;
    let packages = index.resolve(&recipe.wanted(args.arch), &recipe.packages.excluded)?;
    let resolution = Resolution {
        published_s: release.published_s,
        packages,
    };
    cache
        .fetch(&mirror, &cache.missing(&resolution.packages)?)
        .context("failed to fetch the packages")?;
    let changes = resolution.changes_since(lock.resolution(args.arch).unwrap_or(&Resolution::default()));
    eprintln!(
        "vm-image/assets.lock, {}: {} changes",
        args.arch.name(),
        changes.len()
    );
    for change in &changes {
        eprintln!("  {change}");
    }
    lock.arch.insert(args.arch.name().to_owned(), resolution.clone());
    lock.write()?;
    Ok(resolution)
}

/// All that the files of an image are made from.
struct Builder<'a> {
    args: &'a ImageArgs,
    recipe: &'a Recipe,
    resolution: &'a Resolution,
    cache: &'a Cache,
    agent: &'a [u8],
    inputs: &'a Inputs,
}

/// The initial RAM disk without the guest agent, kept so that a new agent does not need the kernel's packages.
const BOOT_MODULES: &str = ".boot-modules.cpio";

impl Builder<'_> {
    fn build(&self, output: &Path) -> Result<()> {
        eprintln!(
            "building the VM image for {} from {} packages",
            self.args.arch.name(),
            self.resolution.packages.len()
        );
        let tree = Tree::create(output.join(".tree"))?;
        let mut kernel = KernelPackage::default();
        for package in &self.resolution.packages {
            let file = self.cache.path(package);
            tree.unpack(&file, &self.recipe.root, &mut kernel)
                .with_context(|| format!("the package {}", package.name))?;
        }
        additions::add(&tree, self.recipe, &kernel)?;
        let pieces = root_disk::pieces(tree.root())?;
        linkage::check(&tree, &pieces)?;
        root_disk::make(
            tree.root(),
            &self.recipe.erofs,
            self.resolution.published_s,
            &output.join("root.erofs"),
        )?;
        write(
            output,
            "vmlinux",
            &kernel::unwrap(&kernel.kernel, self.args.arch)?,
        )?;
        let modules = initrd::modules(&kernel, &self.recipe.modules.boot)?;
        write(output, BOOT_MODULES, &modules)?;
        write(output, "initrd", &initrd::assemble(&modules, self.agent))?;
        fs::remove_dir_all(tree.root()).context("failed to remove the unpacked tree")?;
        self.finish(output)?;
        report::print(output, &pieces)
    }

    /// Makes an image that differs from the one in `old` in its guest agent only.
    fn replace_agent(&self, old: &Path, output: &Path) -> Result<()> {
        eprintln!(
            "putting the changed guest agent into the VM image for {}",
            self.args.arch.name()
        );
        for name in ["vmlinux", "root.erofs", BOOT_MODULES] {
            fs::hard_link(old.join(name), output.join(name))
                .with_context(|| format!("failed to link {name}"))?;
        }
        let modules = fs::read(old.join(BOOT_MODULES))?;
        write(output, "initrd", &initrd::assemble(&modules, self.agent))?;
        self.finish(output)
    }

    fn finish(&self, output: &Path) -> Result<()> {
        self.inputs.write(output)?;
        let manifest = Manifest::describe(output, self.args.arch, self.recipe, self.resolution)?;
        manifest.write(output)?;
        eprintln!("VM image {} for {}", manifest.version, manifest.arch);
        Ok(())
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))
}

fn fresh_folder(parent: &Path) -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix(".building-").tempdir_in(parent);
    folder.with_context(|| format!("failed to create a folder in {}", parent.display()))
}

/// Puts the folder where the image belongs. What was there goes away; a machine that runs from it keeps its files.
fn publish(fresh: tempfile::TempDir, output: &Path) -> Result<()> {
    let context = || format!("failed to put the image into {}", output.display());
    fs::set_permissions(fresh.path(), fs::Permissions::from_mode(0o755))?;
    let parent = output.parent().unwrap_or(output);
    let old = fresh_folder(parent)?;
    match fs::rename(output, old.path().join("image")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(context);
        }
        _ => {}
    }
    fs::rename(fresh.keep(), output).with_context(context)
}
