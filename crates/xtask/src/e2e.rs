//! Runs the end-to-end cases: the real programs, the real guest agent, the real engine.

use std::path::PathBuf;

use anyhow::Result;

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

/// The device behind a link over virtio sockets where the kernel has none: a program of its own, built from the
/// registry at this version.
const VSOCK_DEVICE: (&str, &str) = ("vhost-device-vsock", "0.3.0");

/// Every group of cases: a test program each. The last one's summary ends the output.
const GROUPS: &[&str] = &["fake", "carriers", "stop", "ports", "vm", "faults"];

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
    let mut test = shell::cargo();
    test.args(["test", "--package", "pinnace-e2e", "--no-fail-fast"]);
    for group in GROUPS.iter().filter(|group| wanted(group)) {
        test.args(["--test", group]);
    }
    test.env("PINNACE_E2E_BIN_DIR", programs::dir());
    test.env("PINNACE_E2E_IMAGES", image::images_folder());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools().join("bin")).chain(std::env::split_paths(&path));
    test.env("PATH", std::env::join_paths(folders)?);
    if let Some(filter) = &args.filter {
        test.arg("--").arg(filter);
    }
    shell::run(&mut test)
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
