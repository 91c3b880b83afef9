//! sshfs as Lima mounts it: an sftp server on this host at one end of an ssh connection that this host made, sshfs at the
//! other.
//!
//! ```text
//!   sftp-server ◄─ pipes ─► ssh ◄──────► sshd ◄─ pipes ─► sshfs ─► /dev/fuse
//! ```

use std::{
    path::Path,
    process::{Child, Stdio},
};

use anyhow::{Context, Result};

use crate::{bench::stock::Stock, shell};

/// Where Debian's openssh-sftp-server has it.
pub const SERVER: &str = "/usr/lib/openssh/sftp-server";

/// Both processes of this host. Dropping it ends them.
pub struct Sftp(Vec<Child>);

impl Sftp {
    /// Starts to mount a folder of this host in the machine, and does not wait.
    pub fn start(stock: &Stock, folder: &Path, mounted: &str) -> Result<Self> {
        let folder = folder.display().to_string().replace('\'', r"'\''");
        let mut ssh = stock
            .shell(&format!(
                "exec sshfs -f -o passive,allow_other :'{folder}' {mounted}"
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("failed to start ssh")?;
        let (to_ssh, from_ssh) = (ssh.stdin.take(), ssh.stdout.take());
        let mut sftp = Self(vec![ssh]);
        let mut server = shell::command(SERVER);
        server
            .stdin(from_ssh.context("no output of ssh")?)
            .stdout(to_ssh.context("no input of ssh")?);
        let server = server
            .spawn()
            .with_context(|| format!("failed to start {SERVER}"))?;
        sftp.0.push(server);
        Ok(sftp)
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
