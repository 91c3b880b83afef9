//! The root folder of the worker in both machines: this program, git, find, tar and rm, and the libraries that they ask for.

use anyhow::Result;

use super::{place::Place, worker};
use crate::bench::pack::{self, Pack};

/// Where this program is in it.
pub const WORKER: &str = "/bin/worker";

/// Where a place is in it.
pub fn inside(place: Place) -> String {
    format!("/places/{}", place.folder())
}

/// Makes the tar archive.
pub fn archive() -> Result<Vec<u8>> {
    let mut pack = Pack::new();
    for path in ["bin", "dev", "etc", "proc", "sys", "tmp", "places"] {
        pack.folder(path, 0o755)?;
    }
    for place in Place::ALL {
        pack.folder(inside(place).trim_start_matches('/'), 0o755)?;
    }
    pack.this_program(WORKER.trim_start_matches('/'))?;
    for name in worker::PROGRAMS {
        pack.program(&pack::find(name)?, &format!("bin/{name}"))?;
    }
    pack.file("etc/passwd", 0o644, b"root:x:0:0:root:/:/bin/false\n")?;
    pack.file("etc/group", 0o644, b"root:x:0:\n")?;
    pack.finish()
}

#[cfg(test)]
mod tests {
    use std::{path::Path, process::Command};

    use super::*;

    fn runs(root: &Path, program: &str, argument: &str) -> bool {
        let mut chroot = Command::new("chroot");
        chroot.arg(root).args([program, argument]);
        chroot.output().is_ok_and(|output| output.status.success())
    }

    #[test]
    fn archive_unpacked_is_a_root_in_which_its_programs_run() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        tar::Archive::new(&archive().unwrap()[..]).unpack(root).unwrap();
        for place in Place::ALL {
            assert!(root.join(inside(place).trim_start_matches('/')).is_dir());
        }
        assert!(root.join("bin/worker").is_file());
        // Only root may make a folder its root.
        if !rustix::process::getuid().is_root() {
            return;
        }
        // Both machines put devices there; git wants this one.
        std::fs::write(root.join("dev/null"), "").unwrap();
        for name in worker::PROGRAMS {
            assert!(runs(root, &format!("/bin/{name}"), "--version"), "{name}");
        }
        assert!(runs(root, WORKER, "--list"));
    }
}
