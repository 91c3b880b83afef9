//! The image of the servers: programs of this host, the libraries that they ask for, and what they read.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// Where the image has this program.
pub const SERVER: &str = "/bin/server";

/// A program of this host, and where the image has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("/usr/bin/iperf3", "bin/iperf3"),
    ("/usr/sbin/dropbear", "bin/dropbear"),
    ("/bin/busybox", "bin/sh"),
];

/// Makes the tar archive that `docker import` takes. `key` is the public key that ssh comes with.
pub fn archive(folder: &Path, key: &str) -> Result<Vec<u8>> {
    // Without what only a debugger reads it is a tenth as large.
    let server = folder.join("server");
    shell::run(
        shell::command("strip")
            .arg("-o")
            .arg(&server)
            .arg(std::env::current_exe()?),
    )?;
    let mut programs: Vec<(PathBuf, &str)> = vec![(server, SERVER.trim_start_matches('/'))];
    programs.extend(
        PROGRAMS
            .iter()
            .map(|(program, inside)| (PathBuf::from(program), *inside)),
    );
    let mut archive = tar::Builder::new(Vec::new());
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
        append(
            &mut archive,
            tar::EntryType::Directory,
            Path::new(path),
            mode,
            &[],
        )?;
    }
    let mut libraries = BTreeSet::new();
    for (program, inside) in &programs {
        libraries.extend(libraries_of(program)?);
        append_file(&mut archive, program, Path::new(inside))?;
    }
    for library in libraries {
        let inside = library.strip_prefix("/").unwrap_or(&library).to_owned();
        append_file(&mut archive, &library, &inside)?;
    }
    for (path, mode, text) in [
        ("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n"),
        ("etc/group", 0o644, "root:x:0:\n"),
        ("root/.ssh/authorized_keys", 0o600, key),
    ] {
        append(
            &mut archive,
            tar::EntryType::Regular,
            Path::new(path),
            mode,
            text.as_bytes(),
        )?;
    }
    Ok(archive.into_inner()?)
}

fn append_file(archive: &mut tar::Builder<Vec<u8>>, file: &Path, inside: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    append(archive, tar::EntryType::Regular, inside, 0o755, &bytes)
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    kind: tar::EntryType,
    path: &Path,
    mode: u32,
    bytes: &[u8],
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    archive
        .append_data(&mut header, path, bytes)
        .with_context(|| format!("failed to pack {}", path.display()))
}

/// The libraries and the loader of a program, as the loader finds them; none of a static one.
fn libraries_of(program: &Path) -> Result<Vec<PathBuf>> {
    let mut ldd = shell::command("ldd");
    let output = ldd.arg(program).output().context("failed to run ldd")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() || said.contains("not a dynamic executable"),
        "ldd of {} failed: {said}",
        program.display()
    );
    // `libc.so.6 => /lib/libc.so.6 (0x…)`, `/lib64/ld-linux.so.2 (0x…)`; what the kernel gives has no path.
    let path = |line: &str| {
        let found = line.split_once("=> ").map_or(line, |(_, found)| found).trim();
        let path = found.split(' ').next()?;
        path.starts_with('/').then(|| path.into())
    };
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(path)
        .collect())
}
