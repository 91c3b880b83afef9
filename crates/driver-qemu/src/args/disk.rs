//! The two disks. The guest finds them by their serial numbers.

use std::path::Path;

use super::{Flags, option::OptionList};
use crate::host::HostOs;

/// The read-only root.
pub(crate) struct RootDisk<'a> {
    pub path: &'a Path,
}

impl RootDisk<'_> {
    pub(crate) fn render(&self, flags: &mut Flags) {
        flags.add(
            "-blockdev",
            // The format is never guessed: a guest that writes another format's header gains nothing.
            OptionList::new("driver=raw,node-name=root,read-only=on,file.driver=file,file.read-only=on")
                .set("file.filename", self.path),
        );
        flags.add("-device", "virtio-blk-pci,drive=root,serial=pinnace-root");
    }
}

/// The writable data disk.
pub(crate) struct DataDisk<'a> {
    pub path: &'a Path,
    pub host: HostOs,
}

impl DataDisk<'_> {
    pub(crate) fn render(&self, flags: &mut Flags) {
        let mut disk = OptionList::new("driver=raw,node-name=data")
            // Writeback: the host's page cache, and the guest's flushes reach the disk.
            .set("cache.direct", "off")
            .set("cache.no-flush", "off")
            // What the guest frees, and what it fills with zeroes, takes no space on the host.
            .set("discard", "unmap")
            .set("detect-zeroes", "unmap")
            .set("file.driver", "file")
            .set("file.discard", "unmap");
        if self.host == HostOs::Linux {
            // Elsewhere the default: Windows has share modes instead, macOS falls back by itself.
            disk = disk.set("file.locking", "on");
        }
        flags.add("-blockdev", disk.set("file.filename", self.path));
        // A failed write or read stops the machine, so that the guest never sees it: when the cause is gone the
        // request is made again. "report" would turn a full host disk into a broken file system.
        flags.add(
            "-device",
            "virtio-blk-pci,drive=data,serial=pinnace-data,werror=stop,rerror=stop",
        );
    }
}
