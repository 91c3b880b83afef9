//! Finds a disk by the serial that its driver gave it.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Disks are probed by the kernel in parallel with the agent's start, so they may come a little later.
const DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);
const SECTOR_BYTES: u64 = 512;

/// A block device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name: `vda`.
    pub name: String,
    /// Its node in `/dev`.
    pub node: PathBuf,
}

impl Device {
    /// Waits until there is a disk with that serial. `None` when it does not come within 10 s.
    pub fn wait_for(serial: &str) -> Option<Self> {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(name) = find(Path::new("/sys/block"), serial) {
                let node = Path::new("/dev").join(&name);
                if node.exists() {
                    return Some(Self { name, node });
                }
            }
            if Instant::now() >= end {
                return None;
            }
            thread::sleep(POLL);
        }
    }

    /// Its size now; the driver may grow it at run time.
    pub fn size_bytes(&self) -> u64 {
        self.attribute("size")
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
            * SECTOR_BYTES
    }

    /// Whether it refuses writes.
    pub fn is_read_only(&self) -> bool {
        self.attribute("ro").as_deref() == Some("1")
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(Path::new("/sys/block").join(&self.name).join(name)).ok()?;
        Some(text.trim().to_owned())
    }
}

/// The name of the disk with that serial in a folder shaped like `/sys/block`.
fn find(sys_block: &Path, serial: &str) -> Option<String> {
    fs::read_dir(sys_block).ok()?.flatten().find_map(|entry| {
        let found = fs::read_to_string(entry.path().join("serial")).ok()?;
        (found.trim() == serial).then(|| entry.file_name().to_string_lossy().into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_serial_among_disks_gives_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, serial) in [
            ("vda", Some("pinnace-root")),
            ("vdb", Some("pinnace-data\n")),
            ("loop0", None),
        ] {
            fs::create_dir(folder.path().join(name)).unwrap();
            if let Some(serial) = serial {
                fs::write(folder.path().join(name).join("serial"), serial).unwrap();
            }
        }
        assert_eq!(find(folder.path(), "pinnace-data").as_deref(), Some("vdb"));
        assert_eq!(find(folder.path(), "pinnace"), None);
    }
}
