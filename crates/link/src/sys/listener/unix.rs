//! A Unix socket that is private at every moment: bound in a fresh 0700 folder, made 0600, then moved to its place.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use super::{ExpectedPid, HostAddress};
use crate::RawStream;

#[derive(Debug)]
pub(super) struct Bound {
    path: PathBuf,
    listener: StdUnixListener,
    owner: u32,
    inode: u64,
}

impl Bound {
    pub(super) fn bind(address: &HostAddress) -> io::Result<(Self, HostAddress)> {
        let HostAddress::Unix(path) = address;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let nursery = tempfile::Builder::new()
            .prefix(".")
            .rand_bytes(4)
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let born = nursery.path().join("s");
        let listener = StdUnixListener::bind(&born)?;
        std::fs::set_permissions(&born, std::fs::Permissions::from_mode(0o600))?;
        let metadata = std::fs::symlink_metadata(&born)?;
        listener.set_nonblocking(true)?;
        std::fs::rename(&born, path)?;
        let bound = Self {
            path: path.clone(),
            listener,
            owner: metadata.uid(),
            inode: metadata.ino(),
        };
        Ok((bound, address.clone()))
    }

    pub(super) async fn accept(&mut self, expected: &ExpectedPid) -> io::Result<RawStream> {
        let listener = UnixListener::from_std(self.listener.try_clone()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let peer = stream.peer_cred()?;
            if peer.uid() != self.owner {
                tracing::warn!(uid = peer.uid(), "refused a peer of another user");
                continue;
            }
            if let (Some(expected), Some(pid)) =
                (expected.get(), peer.pid().and_then(|pid| u32::try_from(pid).ok()))
                && expected != pid
            {
                tracing::warn!(pid, expected, "refused a peer that is another process");
                continue;
            }
            return Ok(Box::new(stream));
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // Only our own socket: another host agent may have taken the path over.
        if std::fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
