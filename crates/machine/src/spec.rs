//! What is asked of a driver.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A machine to boot. Everything in it was checked by the host agent before a driver sees it.
#[derive(Clone, Debug)]
pub struct MachineSpec {
    /// Number of virtual CPUs, at least 1.
    pub cpus: u32,
    /// Memory in MiB, at least 512.
    pub memory_mib: u32,
    /// The verified VM image.
    pub image: VmImagePaths,
    /// The raw, sparse data disk. Exists and has its full size; the guest formats it when it is blank.
    pub data_disk: PathBuf,
    /// A folder of the user's own (0700) for this machine's sockets. Its path is short enough for them.
    pub run_dir: PathBuf,
    /// Where the console's text is kept, appended to.
    pub console_log: PathBuf,
    /// Which accelerator to use.
    pub accelerator: AcceleratorChoice,
    /// What carries the link.
    pub link: LinkChoice,
    /// Extra words for the kernel's command line, for tests and diagnosis.
    pub extra_cmdline: Vec<String>,
}

/// The files of a VM image.
#[derive(Clone, Debug)]
pub struct VmImagePaths {
    /// The kernel: uncompressed ELF with a PVH note on amd64, `Image` on arm64.
    pub kernel: PathBuf,
    /// The initial RAM disk: guest agent and boot modules.
    pub initrd: PathBuf,
    /// The read-only erofs root disk.
    pub root: PathBuf,
}

/// Which accelerator the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceleratorChoice {
    /// The best one that a guest really runs on.
    #[default]
    Auto,
    /// Linux's KVM.
    Kvm,
    /// macOS's Hypervisor.framework.
    Hvf,
    /// The Windows Hypervisor Platform.
    Whpx,
    /// Plain emulation: slow, and works everywhere.
    Tcg,
}

/// What carries the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkChoice {
    /// What the driver recommends on this host.
    #[default]
    Auto,
    /// Virtio-serial ports.
    Serial,
    /// Virtio sockets.
    Vsock,
}
