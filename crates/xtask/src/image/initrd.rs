//! The initial RAM disk: the guest agent as `/init` and the modules that it takes to reach the root disk.

use anyhow::Result;

use super::{cpio::Archive, kernel_package::KernelPackage};

/// The folder of the modules and of `order`: their paths, one a line, in load order.
const MODULES: &str = "lib/modules-boot";

/// The part that changes with the kernel only: an archive of the modules and of the folders that the agent mounts to.
pub fn modules(kernel: &KernelPackage, entries: &[String]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["dev", "proc", "sys", "run", "lib", MODULES] {
        archive.folder(folder);
    }
    // Without it the kernel cannot give `/init` its standard output.
    archive.character_device("dev/console", 5, 1);
    let mut order = String::new();
    for module in kernel.load_order(entries)? {
        let path = format!("{MODULES}/{}.ko", module.name);
        archive.file(&path, 0o644, &module.bytes);
        order.push_str(&format!("/{path}\n"));
    }
    archive.file(&format!("{MODULES}/order"), 0o644, order.as_bytes());
    Ok(archive.finish())
}

/// The whole: the kernel unpacks one archive after the other.
pub fn assemble(modules: &[u8], guest_agent: &[u8]) -> Vec<u8> {
    let mut agent = Archive::default();
    agent.file("init", 0o755, guest_agent);
    [modules, &agent.finish()].concat()
}
