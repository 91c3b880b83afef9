//! Runs the end-to-end cases: the real programs, the real guest agent, the real engine.

use std::{
    io::{self, Seek as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::{
    deps::{self, Need},
    image::{self, Arch, ImageArgs},
    programs, shell,
};

/// What the cases need beside a machine.
pub const PACKAGES: &[Need] = &[
    Need {
        probe: "/bin/busybox",
        package: "busybox-static",
        why: "is the program in the containers that the cases run",
    },
    Need {
        probe: "mkfs.ext4",
        package: "e2fsprogs",
        why: "formats the data disk of the engine without a VM",
    },
    Need {
        probe: "unshare",
        package: "util-linux",
        why: "makes the namespaces of the engine without a VM",
    },
    Need {
        probe: "mount",
        package: "mount",
        why: "mounts the root disk for the engine without a VM",
    },
    Need {
        probe: "iptables",
        package: "iptables",
        why: "is what the engine without a VM needs of its host",
    },
    Need {
        probe: "ip",
        package: "iproute2",
        why: "is what the engine without a VM needs of its host",
    },
    Need {
        probe: "dnsmasq",
        package: "dnsmasq-base",
        why: "is the name server in a container that is asked over UDP",
    },
    Need {
        probe: "setsid",
        package: "util-linux",
        why: "gives clients terminals of their own",
    },
    Need {
        probe: "/bin/bash",
        package: "bash",
        why: "is a program in the containers whose stopping is tried",
    },
    Need {
        probe: "/usr/bin/python3",
        package: "python3-minimal",
        why: "is a program in the containers whose stopping is tried",
    },
    Need {
        probe: "node",
        package: "nodejs",
        why: "runs a client of the engine that is written for it",
    },
    Need {
        probe: "npm",
        package: "npm",
        why: "installs that client",
    },
];

/// What the groups besides need, on an amd64 host: a machine of another architecture.
pub const CARRIER_PACKAGES: &[Need] = &[Need {
    probe: "qemu-system-aarch64",
    package: "qemu-system-arm",
    why: "boots the arm64 image once",
}];

/// What the group about files needs besides: a browser.
pub const BROWSER_PACKAGES: &[Need] = &[Need {
    probe: "chromium",
    package: "chromium",
    why: "shows a page that a container serves from the home folder",
}];

/// The device behind a link over virtio sockets where the kernel has none: a program of its own, built from the
/// registry at this version.
const VSOCK_DEVICE: (&str, &str) = ("vhost-device-vsock", "0.3.0");

/// Every group of cases: a test program each.
const GROUPS: &[&str] = &["fake", "carriers", "stop", "ports", "files", "vm", "faults"];

/// The group that runs at the same time as all others: it takes half of the time, and most of that one processor
/// emulates the other machine's.
const BESIDE: &str = "vm";

/// Arguments.
#[derive(clap::Args, Default)]
pub struct E2eArgs {
    /// Only the cases whose name contains this
    filter: Option<String>,
    /// Only this group
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(GROUPS))]
    group: Option<String>,
}

pub fn run(args: E2eArgs) -> Result<()> {
    let wanted = |group: &str| args.group.as_deref().is_none_or(|only| only == group);
    deps::ensure(&[deps::BUILD, deps::MACHINE, image::PACKAGES, PACKAGES], true)?;
    image::run(ImageArgs::default())?;
    if wanted("files") {
        deps::ensure(&[BROWSER_PACKAGES], true)?;
    }
    if wanted("carriers") {
        deps::ensure(&[CARRIER_PACKAGES, image::CROSS_PACKAGES], true)?;
        image::run(ImageArgs {
            arch: Arch::Arm64,
            ..ImageArgs::default()
        })?;
        install_vsock_device()?;
    }
    programs::build()?;
    // The driver without a VM starts the guest agent as a program of this host.
    shell::run(shell::cargo().args(["build", "--package", "pinnace-guest-agent"]))?;
    let (beside, others): (Vec<&str>, Vec<&str>) = GROUPS
        .iter()
        .filter(|group| wanted(group))
        .partition(|group| **group == BESIDE);
    // Before two of them could wait for each other's build.
    shell::run(test(&[&beside[..], &others].concat())?.arg("--no-run"))?;
    let mut told = tempfile::tempfile()?;
    let mut running = None;
    if !beside.is_empty() && !others.is_empty() {
        println!("group {BESIDE} runs beside the others; what it says comes at the end");
        running = Some(
            filtered(test(&beside)?, args.filter.as_deref())
                .env("PINNACE_E2E_PORTS", "beside")
                .stdin(Stdio::null())
                .stdout(told.try_clone()?)
                .stderr(told.try_clone()?)
                .spawn()?,
        );
    }
    let first = if running.is_some() {
        others
    } else {
        [beside, others].concat()
    };
    let first = shell::run(&mut filtered(test(&first)?, args.filter.as_deref()));
    let Some(mut running) = running else { return first };
    let status = running.wait()?;
    told.rewind()?;
    io::copy(&mut told, &mut io::stdout())?;
    if !status.success() {
        bail!("group {BESIDE} ended with {status}");
    }
    first
}

/// Cargo's test of these groups.
fn test(groups: &[&str]) -> Result<Command> {
    let mut test = shell::cargo();
    test.args(["test", "--package", "pinnace-e2e", "--no-fail-fast"]);
    for group in groups {
        test.args(["--test", group]);
    }
    test.env("PINNACE_E2E_BIN_DIR", programs::dir());
    test.env("PINNACE_E2E_IMAGES", image::images_folder());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools().join("bin")).chain(std::env::split_paths(&path));
    test.env("PATH", std::env::join_paths(folders)?);
    Ok(test)
}

fn filtered(mut test: Command, filter: Option<&str>) -> Command {
    if let Some(filter) = filter {
        test.arg("--").arg(filter);
    }
    test
}

/// Where programs from the registry are installed.
fn tools() -> PathBuf {
    shell::target_dir().join("tools")
}

fn install_vsock_device() -> Result<()> {
    let (name, version) = VSOCK_DEVICE;
    let mut install = shell::cargo();
    install
        .args([
            "install",
            "--quiet",
            "--locked",
            name,
            "--version",
            version,
            "--root",
        ])
        .arg(tools());
    // Not ours to wait for: its own build folder keeps it from our lock.
    shell::run(install.arg("--target-dir").arg(tools().join("build")))
}
