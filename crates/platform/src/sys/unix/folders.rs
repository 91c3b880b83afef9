//! Places and checks of folders.

use std::{
    fs::{self, DirBuilder, Metadata, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{
    LocalAddress,
    folders::{Environment, FoldersError, Places},
};

/// The bytes of `sun_path` on macOS, the shortest of them, without its final zero.
pub const SOCKET_PATH_LIMIT_BYTES: usize = 103;

/// The sockets of the engine and of the host agent's API.
pub fn addresses(places: &Places) -> (LocalAddress, LocalAddress) {
    let socket = |name| LocalAddress::unix(places.run.join(name));
    (socket("docker.sock"), socket("api.sock"))
}

/// Creates it and its missing parents, closed to others from the first moment.
pub fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Whether our user owns it.
#[expect(clippy::unnecessary_wraps, reason = "same face on every OS")]
pub fn is_ours(_path: &Path, metadata: &Metadata) -> io::Result<bool> {
    Ok(metadata.uid() == rustix::process::geteuid().as_raw())
}

/// Takes from others what they may do in a folder of ours.
pub fn close_to_others(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// The user's home: `HOME`, else what the user database says.
pub fn home(environment: Environment<'_>) -> Result<PathBuf, FoldersError> {
    let named = environment("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute());
    named
        .or_else(|| etcetera::home_dir().ok())
        .filter(|home| home.is_absolute())
        .ok_or(FoldersError::NoHome)
}

/// An XDG variable. A relative path is to be ignored, says the specification.
pub fn xdg(environment: Environment<'_>, name: &str) -> Option<PathBuf> {
    environment(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}
