//! The image of the servers: programs of this host, the libraries that they ask for, and what they read.

use std::path::Path;

use anyhow::Result;

use crate::bench::pack::Pack;

/// Where the image has this program.
pub const SERVER: &str = "/bin/server";

/// A program of this host, and where the image has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("/usr/bin/iperf3", "bin/iperf3"),
    ("/usr/sbin/dropbear", "bin/dropbear"),
    ("/bin/busybox", "bin/sh"),
];

/// Makes the tar archive that `docker import` takes. `key` is the public key that ssh comes with.
pub fn archive(key: &str) -> Result<Vec<u8>> {
    let mut pack = Pack::new();
    for (path, mode) in [
        ("bin", 0o755),
        ("etc", 0o755),
        ("etc/dropbear", 0o700),
        ("root", 0o700),
        ("root/.ssh", 0o700),
        ("tmp", 0o1777),
        ("var", 0o755),
        ("var/run", 0o755),
    ] {
        pack.folder(path, mode)?;
    }
    pack.this_program(SERVER.trim_start_matches('/'))?;
    for (program, inside) in PROGRAMS {
        pack.program(Path::new(program), inside)?;
    }
    for (path, mode, text) in [
        ("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n"),
        ("etc/group", 0o644, "root:x:0:\n"),
        ("root/.ssh/authorized_keys", 0o600, key),
    ] {
        pack.file(path, mode, text.as_bytes())?;
    }
    pack.finish()
}
