//! Unix sockets.

mod stale;

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};

use crate::{LocalAddress, LocalSocketError, OwnerLock, Peer};

/// A connection.
pub type Stream = UnixStream;

/// A listener, and the proof that the socket in the file system is its own.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of our socket.
    identity: Option<(u64, u64)>,
    /// Held from before a stale socket is removed until after ours is: two starters never remove each other's.
    _lock: OwnerLock,
}

impl Listener {
    /// See [`crate::LocalListener::bind`].
    pub fn bind(address: &LocalAddress) -> Result<Self, LocalSocketError> {
        let wrong = || LocalSocketError::WrongKind {
            address: address.clone(),
        };
        let path = address.unix_path().ok_or_else(wrong)?;
        let failed = |source| LocalSocketError::Listen {
            address: address.clone(),
            source,
        };
        let in_use = || LocalSocketError::InUse {
            address: address.clone(),
        };

        check_folder(path, address)?;
        let lock = OwnerLock::try_acquire(&lock_path(path))
            .map_err(|source| LocalSocketError::Lock {
                address: address.clone(),
                source,
            })?
            .ok_or_else(in_use)?;
        match stale::look(path).map_err(failed)? {
            stale::Found::Nothing => {}
            stale::Found::Stale => fs::remove_file(path).map_err(failed)?,
            stale::Found::Live => return Err(in_use()),
            stale::Found::NoSocket => {
                return Err(LocalSocketError::NotASocket {
                    path: path.to_path_buf(),
                });
            }
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        // Until here the folder kept others out.
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self {
            listener,
            identity: identity(path),
            path: path.to_path_buf(),
            _lock: lock,
        })
    }

    /// See [`crate::LocalListener::accept`].
    pub async fn accept(&mut self) -> io::Result<Stream> {
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                // It was gone before we came to it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            match stream.peer_cred() {
                Ok(peer) if trusted(peer.uid()) => return Ok(stream),
                Ok(peer) => tracing::warn!(uid = peer.uid(), "connection of another user dropped"),
                Err(error) => tracing::warn!(%error, "connection of an unknown user dropped"),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Somebody may have put another socket there, against the lock; that one is not ours to remove.
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// See [`crate::LocalStream::connect`].
pub async fn connect(address: &LocalAddress) -> io::Result<Stream> {
    let path = address
        .unix_path()
        .ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
    let stream = UnixStream::connect(path).await?;
    if !trusted(stream.peer_cred()?.uid()) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "another user listens there",
        ));
    }
    Ok(stream)
}

/// See [`crate::LocalStream::peer`].
pub fn peer(stream: &Stream) -> Peer {
    let credentials = stream.peer_cred().ok();
    Peer {
        uid: credentials.map(|peer| peer.uid()),
        pid: credentials
            .and_then(|peer| peer.pid())
            .and_then(|pid| u32::try_from(pid).ok()),
    }
}

/// Ourselves, and root, who could read our memory anyway: `sudo docker` is a habit.
fn trusted(uid: u32) -> bool {
    uid == geteuid().as_raw() || uid == 0
}

/// Only we may enter the socket's folder, so that nobody connects before its own permissions are set.
fn check_folder(path: &Path, address: &LocalAddress) -> Result<(), LocalSocketError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let metadata = fs::symlink_metadata(folder).map_err(|source| LocalSocketError::Listen {
        address: address.clone(),
        source,
    })?;
    if !metadata.is_dir() || metadata.uid() != geteuid().as_raw() || metadata.mode() & 0o077 != 0 {
        return Err(LocalSocketError::NotPrivate {
            folder: folder.to_path_buf(),
        });
    }
    Ok(())
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
