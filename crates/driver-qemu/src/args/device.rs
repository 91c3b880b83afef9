//! Devices of one line each.

use super::Flags;
use crate::host::{Arch, HostOs};

/// Outbound network by QEMU's own user-mode stack: guest 10.0.2.15, gateway .2, name server .3. Nothing from the
/// outside comes in here.
pub(crate) struct Network;

impl Network {
    pub(crate) fn render(&self, flags: &mut Flags) {
        flags.add("-netdev", "user,id=net,ipv6=off");
        // Without its boot ROM, which is only read to boot from the network.
        flags.add("-device", "virtio-net-pci,netdev=net,romfile=");
    }
}

/// Random numbers from the host.
pub(crate) struct Entropy;

impl Entropy {
    pub(crate) fn render(&self, flags: &mut Flags) {
        flags.add("-object", "rng-builtin,id=entropy");
        flags.add("-device", "virtio-rng-pci,rng=entropy");
    }
}

/// Gives memory that the guest does not use back to the host.
pub(crate) struct Balloon {
    pub host: HostOs,
}

impl Balloon {
    pub(crate) fn render(&self, flags: &mut Flags) {
        // QEMU on Windows cannot give memory back, so there the guest would work for nothing.
        if self.host != HostOs::Windows {
            flags.add(
                "-device",
                "virtio-balloon-pci,free-page-reporting=on,deflate-on-oom=on",
            );
        }
    }
}

/// Tells that the guest's kernel panicked.
pub(crate) struct PanicNotifier {
    pub guest: Arch,
}

impl PanicNotifier {
    pub(crate) fn render(&self, flags: &mut Flags) {
        flags.add(
            "-device",
            match self.guest {
                Arch::Amd64 => "pvpanic",
                Arch::Arm64 => "pvpanic-pci",
            },
        );
    }
}

/// QEMU's system call filter: no new programs, no other privileges.
pub(crate) struct Sandbox;

impl Sandbox {
    pub(crate) fn render(&self, flags: &mut Flags) {
        flags.add(
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        );
    }
}
