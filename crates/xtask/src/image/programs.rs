//! The programs of this machine that a build calls, and the packages that have them.

use std::path::PathBuf;

use anyhow::Result;

use super::arch::Arch;
use crate::deps::{self, Need};

/// Programs that a build calls.
pub const PACKAGES: &[Need] = &[
    Need {
        probe: "mkfs.erofs",
        package: "erofs-utils",
        why: "makes the root disk of the VM image",
    },
    Need {
        probe: "depmod",
        package: "kmod",
        why: "lists the kernel modules of the VM image",
    },
    Need {
        probe: "dpkg-deb",
        package: "dpkg",
        why: "unpacks packages for the VM image",
    },
    Need {
        probe: "gpgv",
        package: "gpgv",
        why: "checks the signature of the package index",
    },
];

/// What building for arm64 on another architecture needs besides.
pub const CROSS_PACKAGES: &[Need] = &[
    Need {
        probe: "aarch64-linux-gnu-gcc",
        package: "gcc-aarch64-linux-gnu",
        why: "links the guest agent for arm64",
    },
    Need {
        probe: "/usr/aarch64-linux-gnu/lib/libc.a",
        package: "libc6-dev-arm64-cross",
        why: "links the guest agent for arm64",
    },
];

/// The path of a program that may be in a folder for administrators only, which is not in everybody's PATH.
pub fn program(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| name.into())
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// Makes sure that they are there for building an image of `arch`.
pub fn ensure(arch: Arch) -> Result<()> {
    let cross = if arch == Arch::native() {
        &[]
    } else {
        CROSS_PACKAGES
    };
    deps::ensure(&[PACKAGES, cross], false)
}
