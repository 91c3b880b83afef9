//! virtiofsd: found on this host, or built from the registry.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::place::Place;
use crate::{
    bench::{self, interrupt::Interrupt, pack},
    deps::{self, Need},
    shell,
};

const NAME: &str = "virtiofsd";
const VERSION: &str = "1.14.0";

/// Where distributions have it. QEMU's own of former times is another program.
const KNOWN: &[&str] = &["/usr/libexec/virtiofsd", "/usr/lib/virtiofsd"];

/// What building it needs.
const PACKAGES: &[Need] = &[
    Need {
        probe: "/usr/include/cap-ng.h",
        package: "libcap-ng-dev",
        why: "builds virtiofsd, to compare with",
    },
    Need {
        probe: "/usr/include/seccomp.h",
        package: "libseccomp-dev",
        why: "builds virtiofsd, to compare with",
    },
];

const LIMIT: Duration = Duration::from_secs(60);

/// The program: of this host, else built here once.
pub fn obtain() -> Result<PathBuf> {
    let folder = bench::folder().join(NAME);
    let built = folder.join("bin").join(NAME);
    let known = KNOWN.iter().map(PathBuf::from);
    if let Some(found) = known
        .chain(pack::find(NAME).ok())
        .chain([built.clone()])
        .find(|path| path.is_file())
    {
        return Ok(found);
    }
    deps::ensure(&[PACKAGES], true)?;
    println!("building virtiofsd {VERSION}");
    let mut install = shell::cargo();
    install.args([
        "install",
        "--quiet",
        "--locked",
        NAME,
        "--version",
        VERSION,
        "--root",
    ]);
    // Not ours to wait for: its own build folder keeps it from our lock.
    let build = folder.join("build");
    shell::run(install.arg(&folder).arg("--target-dir").arg(&build)).context("failed to build virtiofsd")?;
    let _ = fs::remove_dir_all(build);
    Ok(built)
}

/// One that serves a folder. Dropping it ends it.
pub struct Virtiofsd {
    pub place: Place,
    /// Where QEMU finds it.
    pub socket: PathBuf,
    child: Child,
}

impl Virtiofsd {
    pub fn start(program: &Path, place: Place, folder: &Path, interrupt: &Interrupt) -> Result<Self> {
        // A socket's path must be short.
        let name = format!("pinnace-bench-{}-{}.sock", std::process::id(), place.folder());
        let socket = std::env::temp_dir().join(name);
        let cache = if place == Place::VirtiofsAuto {
            "auto"
        } else {
            "always"
        };
        let mut command = shell::command(program);
        command.arg("--socket-path").arg(&socket);
        command.arg("--shared-dir").arg(folder);
        // The sandbox costs nothing per request, and is not to be had everywhere.
        command.args(["--cache", cache, "--sandbox", "none", "--log-level", "error"]);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let mut server = Self { place, socket, child };
        let deadline = Instant::now() + LIMIT;
        while !server.socket.exists() {
            interrupt.check()?;
            ensure!(server.child.try_wait()?.is_none(), "virtiofsd ended at once");
            ensure!(
                Instant::now() < deadline,
                "virtiofsd did not listen within {LIMIT:?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Virtiofsd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_file(self.socket.with_extension("sock.pid"));
    }
}
