//! Puts the hook's program and socket where dockerd and the hook find them.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::Context;
use tokio::net::UnixListener;

use super::hook::{NAME, SOCKET};

/// Makes the folder anew, with a copy of the agent's own program in it, and listens. In a VM the program itself is on
/// the initial RAM disk, which nobody reaches any more.
pub fn install(folder: &Path) -> anyhow::Result<UnixListener> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => DirBuilder::new().recursive(true).mode(0o700).create(folder),
    }
    .with_context(|| format!("failed to make {}", folder.display()))?;
    // `recursive` does not change a folder that was there.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("failed to close {} to others", folder.display()))?;
    copy_program(&folder.join(NAME)).context("failed to copy the agent's program")?;
    let socket = folder.join(SOCKET);
    let listener =
        UnixListener::bind(&socket).with_context(|| format!("failed to listen on {}", socket.display()))?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("failed to close {} to others", socket.display()))?;
    Ok(listener)
}

fn copy_program(target: &Path) -> io::Result<()> {
    let mut program = fs::File::open("/proc/self/exe")?;
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o500)
        .open(target)?;
    io::copy(&mut program, &mut copy)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn install_twice_leaves_a_closed_folder_with_the_program() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("publish");
        drop(install(&folder).unwrap());
        let _listener = install(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(NAME)), 0o500);
        assert_eq!(mode(&folder.join(SOCKET)), 0o600);
        let own = fs::read("/proc/self/exe").unwrap();
        assert!(fs::read(folder.join(NAME)).unwrap() == own, "the copy differs");
    }
}
