//! Builds the stock machine: Debian with systemd, cloud-init and docker.io, as people build it by hand.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{image, shell};

const PACKAGES: &str = "systemd,systemd-sysv,systemd-resolved,dbus,udev,mount,cloud-init,openssh-server,docker.io,\
     docker-cli,iproute2,iptables,linux-image-cloud-amd64,linux-image-amd64,initramfs-tools,netbase,netplan.io,curl,sshfs";

/// What the names of kernel and initial RAM disk end in where the kernel has 9p. The other one, which is made for clouds
/// and boots as Pinnace's does, has none.
pub const WITH_9P: &str = "-9p";
const CLOUD: &str = "-cloud-amd64";

const META_DATA: &str = "instance-id: stock-1\nlocal-hostname: stock\n";

/// The stock machine's files.
pub struct StockImage {
    /// The folder that they are in.
    pub dir: PathBuf,
}

impl StockImage {
    /// Builds what is not there yet. Takes a few minutes the first time.
    pub fn prepare(dir: &Path) -> Result<Self> {
        let image = Self {
            dir: dir.to_path_buf(),
        };
        // What it is made of is written there: another list makes another machine.
        if fs::read_to_string(image.dir.join("complete")).is_ok_and(|made_of| made_of == PACKAGES) {
            return Ok(image);
        }
        println!("building the stock machine");
        let _ = fs::remove_dir_all(dir);
        fs::create_dir_all(dir)?;
        image.key()?;
        image.seed()?;
        image.disk()?;
        fs::write(image.dir.join("complete"), PACKAGES)?;
        Ok(image)
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn key(&self) -> Result<()> {
        let mut keygen = shell::command("ssh-keygen");
        keygen
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(self.file("key"));
        shell::run(&mut keygen)
    }

    fn seed(&self) -> Result<()> {
        let key = fs::read_to_string(self.file("key.pub"))?;
        let key = key.trim();
        let user_data = format!(
            "#cloud-config\ndisable_root: false\nusers:\n  - name: root\n    ssh_authorized_keys: [\"{key}\"]\n"
        );
        fs::write(self.file("user-data"), user_data)?;
        fs::write(self.file("meta-data"), META_DATA)?;
        let mut iso = shell::command("genisoimage");
        iso.arg("-quiet").arg("-output").arg(self.file("seed.iso"));
        iso.args(["-volid", "cidata", "-joliet", "-rock"]);
        shell::run(iso.arg(self.file("user-data")).arg(self.file("meta-data")))
    }

    fn disk(&self) -> Result<()> {
        let root = self.file("root");
        let tarball = self.file("root.tar");
        let mut bootstrap = shell::command("mmdebstrap");
        bootstrap.args(["--quiet", "--variant=important", "--mode=root"]);
        // The suite's signature may be past its date where this runs; the comparison does not depend on freshness.
        bootstrap
            .arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
            .arg(format!("--include={PACKAGES}"));
        let (suite, mirror) = image::source()?;
        bootstrap.arg(suite).arg(&tarball).arg(mirror);
        shell::run(&mut bootstrap)?;
        fs::create_dir_all(&root)?;
        shell::run(
            shell::command("tar")
                .arg("-xf")
                .arg(&tarball)
                .arg("-C")
                .arg(&root),
        )?;
        fs::write(root.join("etc/machine-id"), "")?;
        fs::write(root.join("etc/fstab"), "LABEL=root / ext4 defaults 0 1\n")?;
        shell::run(
            shell::command("mkfs.ext4")
                .args(["-q", "-F", "-L", "root", "-d"])
                .arg(&root)
                .arg(self.file("root.raw"))
                .arg("8G"),
        )?;
        for (prefix, name) in [("vmlinuz-", "vmlinuz"), ("initrd.img-", "initrd")] {
            let is_cloud = |found: &str| found.ends_with(CLOUD);
            copy_boot_file(&root, prefix, is_cloud, &self.file(name))?;
            copy_boot_file(
                &root,
                prefix,
                |found| !is_cloud(found),
                &self.file(&format!("{name}{WITH_9P}")),
            )?;
        }
        fs::remove_dir_all(&root)?;
        fs::remove_file(&tarball).context("failed to remove the stock root's archive")
    }
}

fn copy_boot_file(root: &Path, prefix: &str, is_wanted: impl Fn(&str) -> bool, to: &Path) -> Result<()> {
    let boot = root.join("boot");
    let entry = fs::read_dir(&boot)?
        .filter_map(Result::ok)
        .find(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(prefix) && is_wanted(&name)
        })
        .with_context(|| format!("{} has no {prefix}*", boot.display()))?;
    fs::copy(entry.path(), to).with_context(|| format!("failed to copy {}", entry.path().display()))?;
    Ok(())
}
