//! A registry that asks for a password, as a container on the network of the machine: for dockerd it is on its own
//! loopback address, where it needs no certificate.
//!
//! The program is that of the distribution's package `docker-registry`, unpacked once beside the other tools, or what
//! `PINNACE_E2E_REGISTRY` names. It runs with the libc of the VM image.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{Invocation, Machine, programs::bin_folder, tools::Tools, until};

/// Where it listens, and what images in it are called after.
pub const REGISTRY: &str = "127.0.0.1:5000";
/// Its only user.
pub const USER: &str = "ann";
/// And the password.
pub const PASSWORD: &str = "correct horse";
/// The password as its file has it: bcrypt, the only form that it takes.
const HASH: &str = "$2y$05$Pinnacee2eRegistryAnnedqtAPA1LXEO81AYxhiUR/MB/VOVicKi";

const PACKAGE: &str = "docker-registry";
const IMAGE: &str = "pinnace-e2e-registry:latest";
const CONTAINER: &str = "pinnace-e2e-registry";
const CONFIG: &str = "version: 0.1
storage:
  filesystem:
    rootdirectory: /data
http:
  addr: 127.0.0.1:5000
auth:
  htpasswd:
    realm: e2e
    path: /etc/htpasswd
";
/// A package of 5 MB from a mirror that may be slow.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// The registry. [`Registry::remove`] removes it.
#[derive(Debug)]
pub struct Registry<'a> {
    machine: &'a Machine,
}

impl<'a> Registry<'a> {
    /// Starts it, empty. It listens when this returns.
    pub fn start(machine: &'a Machine) -> Result<Self> {
        let archive = archive(&program(machine)?)?;
        let docker = &machine.docker;
        docker
            .run(["import", "-", IMAGE])
            .input(archive)
            .run()?
            .success()?;
        docker.remove(CONTAINER)?;
        let run = [
            "run",
            "--detach",
            "--init",
            "--network",
            "host",
            "--name",
            CONTAINER,
            IMAGE,
        ];
        let serve = [
            "/lib/loader",
            "--library-path",
            "/lib",
            "/registry",
            "serve",
            "/etc/config.yml",
        ];
        docker.run(run).args(serve).text()?;
        let registry = Self { machine };
        let listens = until("a registry that listens", machine.driver.patience(), || {
            let logs = docker.run(["logs", CONTAINER]).quietly().run()?;
            Ok(logs.stderr.contains("listening on"))
        });
        match listens {
            Ok(()) => Ok(registry),
            Err(error) => {
                registry.remove()?;
                Err(error)
            }
        }
    }

    /// Removes it with all that is in it.
    pub fn remove(self) -> Result<()> {
        self.machine.docker.remove(CONTAINER)?;
        self.machine.docker.run(["image", "rm", IMAGE]).run()?.success()?;
        Ok(())
    }
}

/// The archive that `docker import` takes.
fn archive(program: &Path) -> Result<Vec<u8>> {
    let busybox = Tools::find()?.busybox;
    let tree = busybox.ancestors().nth(2).context("the tools lie in no tree")?;
    let mut archive = tar::Builder::new(Vec::new());
    for folder in ["data/", "etc/", "lib/", "tmp/"] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        archive.append_data(&mut header, folder, std::io::empty())?;
    }
    let mut add = |path: &str, mode, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content)
    };
    add("registry", 0o755, &fs::read(program)?)?;
    add("lib/loader", 0o755, &library(tree, "ld-linux-")?)?;
    add("lib/libc.so.6", 0o755, &library(tree, "libc.so.6")?)?;
    add("etc/config.yml", 0o644, CONFIG.as_bytes())?;
    add("etc/htpasswd", 0o644, format!("{USER}:{HASH}\n").as_bytes())?;
    Ok(archive.into_inner()?)
}

/// The file of the tree's libc whose name begins so.
fn library(tree: &Path, name: &str) -> Result<Vec<u8>> {
    let folder = tree.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    for entry in fs::read_dir(&folder).with_context(|| format!("failed to list {}", folder.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(name) {
            return Ok(fs::read(entry.path())?);
        }
    }
    anyhow::bail!("{} holds no {name}", folder.display())
}

/// The registry's program, unpacked where that was not done yet.
fn program(machine: &Machine) -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("PINNACE_E2E_REGISTRY") {
        return Ok(program.into());
    }
    let store = bin_folder()?
        .parent()
        .context("the programs' folder has no parent")?
        .join("e2e-tools");
    let folder = store.join(PACKAGE);
    let program = folder.join("usr/bin/docker-registry");
    if !program.is_file() {
        let fresh = store.join(format!("unpacking-{PACKAGE}-{}", std::process::id()));
        fs::create_dir_all(&fresh)?;
        let unpacked = unpack(machine, &fresh);
        let placed = unpacked.and_then(|()| Ok(fs::rename(fresh.join("tree"), &folder)?));
        fs::remove_dir_all(&fresh)?;
        // Another run may have been faster.
        ensure!(
            program.is_file(),
            "the package {PACKAGE} could not be unpacked, without which this case shows nothing: {placed:?}"
        );
    }
    Ok(program)
}

fn unpack(machine: &Machine, fresh: &Path) -> Result<()> {
    let run = |command: Command| {
        let command = Invocation::new(command, machine.home.journal().clone());
        command.in_folder(fresh).within(INSTALL_LIMIT).run()?.success()
    };
    // As root, apt would become a user who cannot write here; that is only a warning, and silenced.
    let mut download = Command::new("apt-get");
    download.args(["-qq", "-o", "APT::Sandbox::User=root", "download", PACKAGE]);
    run(download)?;
    for entry in fs::read_dir(fresh)? {
        let mut extract = Command::new("dpkg-deb");
        extract.arg("-x").arg(entry?.path()).arg("tree");
        run(extract)?;
    }
    Ok(())
}
