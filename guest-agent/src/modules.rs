//! Loads kernel modules in the order that the VM image's build worked out.
//!
//! An order file has one path for each line, a module after those it depends on, uncompressed. There is no modprobe
//! on the way: no dependency is worked out at boot.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::Context;
use rustix::{io::Errno, system::finit_module};

/// In the initrd: what it takes to mount the root disk.
pub const BOOT_ORDER: &str = "/lib/modules-boot/order";
/// On the root disk: what the engine needs.
pub const ENGINE_ORDER: &str = "/usr/lib/modules-engine/order";

/// What came of loading.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Modules that are loaded now.
    pub count: usize,
    /// Those that are not, each with the reason.
    pub failed: Vec<String>,
}

/// Loads every module of the order file. No order file means no modules: the kernel may have them built in.
/// One that fails is recorded with its name; the others go on.
pub fn load_all(order: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    let Ok(text) = fs::read_to_string(order) else {
        return loaded;
    };
    for path in paths(&text, order) {
        match load(&path) {
            Ok(()) => loaded.count += 1,
            Err(error) => {
                tracing::warn!(module = %path.display(), error = format!("{error:#}"), "module not loaded");
                loaded.failed.push(format!("{}: {error:#}", path.display()));
            }
        }
    }
    loaded
}

/// The modules that an order file names. Relative paths start at the file's folder.
fn paths(text: &str, order: &Path) -> Vec<std::path::PathBuf> {
    let folder = order.parent().unwrap_or(Path::new("/"));
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| folder.join(line))
        .collect()
}

fn load(path: &Path) -> anyhow::Result<()> {
    let file = File::open(path).context("failed to open the module")?;
    match finit_module(&file, c"", 0) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno).context("failed to load the module"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_relative_absolute_and_comments_are_read() {
        let found = paths("# why\n\na.ko\n/x/b.ko\n  sub/c.ko \n", Path::new("/lib/m/order"));
        let found: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(found, ["/lib/m/a.ko", "/x/b.ko", "/lib/m/sub/c.ko"]);
    }

    #[test]
    fn load_all_without_order_file_loads_nothing() {
        assert_eq!(load_all(Path::new("/nonexistent/order")), Loaded::default());
    }

    #[test]
    fn load_all_missing_module_is_reported_and_others_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let order = folder.path().join("order");
        fs::write(&order, "gone.ko\nalso-gone.ko\n").unwrap();
        assert_eq!(load_all(&order).failed.len(), 2);
    }
}
