//! The host's operating system and processor, as values. All that differs between hosts and is not the command line
//! is in this file.

use std::path::PathBuf;

/// The host's operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostOs {
    Linux,
    Macos,
    Windows,
}

impl HostOs {
    pub(crate) const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Macos
        } else {
            Self::Linux
        }
    }

    /// Folders where QEMU's installers put it without touching the search path.
    pub(crate) fn usual_folders(self) -> Vec<PathBuf> {
        let folders: &[&str] = match self {
            Self::Linux => &["/usr/bin", "/usr/local/bin", "/usr/libexec"],
            Self::Macos => &["/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin"],
            Self::Windows => &[
                r"C:\Program Files\qemu",
                r"C:\msys64\mingw64\bin",
                r"C:\msys64\ucrt64\bin",
            ],
        };
        folders.iter().map(PathBuf::from).collect()
    }

    /// How to get QEMU for guests of `arch` here.
    pub(crate) fn install_hint(self, arch: Arch) -> String {
        match (self, arch) {
            (Self::Linux, Arch::Amd64) => {
                "install it: `apt install qemu-system-x86` (Fedora: `dnf install qemu-system-x86-core`)"
                    .to_owned()
            }
            (Self::Linux, Arch::Arm64) => {
                "install it: `apt install qemu-system-arm` (Fedora: `dnf install qemu-system-aarch64-core`)"
                    .to_owned()
            }
            (Self::Macos, _) => "install it: `brew install qemu`".to_owned(),
            (Self::Windows, _) => "install it: `winget install SoftwareFreedomConservancy.QEMU`".to_owned(),
        }
    }

    /// The file name of a program.
    pub(crate) fn program_name(self, stem: &str) -> String {
        match self {
            Self::Windows => format!("{stem}.exe"),
            Self::Linux | Self::Macos => stem.to_owned(),
        }
    }
}

/// A processor architecture, by the VM image's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    /// The host's. Emulated amd64 is what boots on hosts of any other kind.
    pub(crate) const fn current() -> Self {
        if cfg!(target_arch = "aarch64") {
            Self::Arm64
        } else {
            Self::Amd64
        }
    }

    /// The name of QEMU's program for it, without `.exe`.
    pub(crate) const fn qemu_stem(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// What a kernel's first bytes say: an ELF file for x86-64 (or for 32 bits, as tiny test kernels are), or an
    /// arm64 `Image`.
    pub(crate) fn of_kernel(head: &[u8]) -> Option<Self> {
        const EM_386: u16 = 3;
        const EM_X86_64: u16 = 62;
        if head.starts_with(b"\x7fELF") {
            let machine = u16::from_le_bytes([*head.get(18)?, *head.get(19)?]);
            return matches!(machine, EM_386 | EM_X86_64).then_some(Self::Amd64);
        }
        (head.get(0x38..0x3c)? == b"ARM\x64").then_some(Self::Arm64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_kernel_foreign_or_short_bytes_is_none() {
        assert_eq!(Arch::of_kernel(b""), None);
        assert_eq!(Arch::of_kernel(b"\x7fELF"), None);
        assert_eq!(Arch::of_kernel(&[0; 64]), None);
    }

    #[test]
    fn of_kernel_arm64_image_is_told_by_its_magic() {
        let mut head = [0; 64];
        head[0x38..0x3c].copy_from_slice(b"ARM\x64");
        assert_eq!(Arch::of_kernel(&head), Some(Arch::Arm64));
    }
}
