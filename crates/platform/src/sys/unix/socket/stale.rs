//! Telling a socket that nobody listens on from one in use.

use std::{fs, io, os::unix::fs::FileTypeExt, path::Path};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketType},
};

/// What lies at a socket's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Free.
    Nothing,
    /// A socket whose listener is gone.
    Stale,
    /// A socket with a listener.
    Live,
    /// Something that we must not remove.
    NoSocket,
}

/// Looks, by connecting.
pub fn look(path: &Path) -> io::Result<Found> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => return Ok(Found::NoSocket),
        Ok(_) => {}
    }
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    // A listener that hangs with a full queue would hold a blocking connect for ever.
    rustix::io::ioctl_fionbio(&socket, true)?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => Ok(Found::Stale),
        Err(Errno::NOENT) => Ok(Found::Nothing),
        Ok(()) | Err(Errno::AGAIN | Errno::INPROGRESS) => Ok(Found::Live),
        // A socket of another type, a datagram one for example, has a live owner as well.
        Err(Errno::PROTOTYPE) => Ok(Found::Live),
        Err(error) => Err(error.into()),
    }
}
