//! The container image of the cases: a static busybox and nothing else, made here because no registry is asked.

use std::{fs, path::Path};

use anyhow::Result;

/// Its name in the engine.
pub const IMAGE: &str = "pinnace-e2e:latest";

const APPLETS: [&str; 41] = [
    "cat",
    "chmod",
    "chown",
    "cp",
    "date",
    "dd",
    "df",
    "echo",
    "env",
    "false",
    "find",
    "grep",
    "head",
    "hostname",
    "httpd",
    "id",
    "kill",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mv",
    "nc",
    "ping",
    "ps",
    "readlink",
    "rm",
    "sed",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "stat",
    "stty",
    "sync",
    "tail",
    "touch",
    "tr",
    "true",
    "wc",
    "wget",
];

/// Makes the tar archive that `docker import` takes.
pub fn archive(busybox: &Path) -> Result<Vec<u8>> {
    Ok(begin(busybox)?.into_inner()?)
}

/// The same archive with room for more.
pub fn begin(busybox: &Path) -> Result<tar::Builder<Vec<u8>>> {
    let program = fs::read(busybox)?;
    let mut archive = tar::Builder::new(Vec::new());
    for folder in ["bin/", "tmp/", "data/", "etc/"] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(if folder == "tmp/" { 0o1777 } else { 0o755 });
        header.set_size(0);
        archive.append_data(&mut header, folder, std::io::empty())?;
    }
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    archive.append_data(&mut header, "bin/busybox", program.as_slice())?;
    for applet in APPLETS {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{applet}"), "busybox")?;
    }
    Ok(archive)
}
