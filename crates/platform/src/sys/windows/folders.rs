//! Places and checks of folders.

use std::{
    fs::{self, Metadata},
    io,
    path::Path,
};

pub use super::base_folders::usual;
use super::security;
use crate::{LocalAddress, folders::Places};

/// Pipes lie in no folder, and there are no other sockets here.
pub const SOCKET_PATH_LIMIT_BYTES: usize = usize::MAX;

/// The pipes of the engine and of the host agent's API.
///
/// All users and all homes share one name space, so the names carry a fingerprint of the data folder.
pub fn addresses(places: &Places) -> (LocalAddress, LocalAddress) {
    // The file system does not tell cases apart either.
    let home = fingerprint(&places.data.to_string_lossy().to_lowercase());
    let pipe = |service| LocalAddress::pipe(format!(r"\\.\pipe\pinnace-{home:016x}-{service}"));
    (pipe("engine"), pipe("api"))
}

/// FNV-1a: equal in every version of the program, which the standard library's hashes are not.
fn fingerprint(text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    text.bytes()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

/// Creates it for our user, administrators and the system, and its missing parents as they come.
pub fn create_private(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    security::create_private_folder(path)
}

/// Whether our user owns it, or the administrators and the system, who own what an elevated user makes.
pub fn is_ours(path: &Path, _metadata: &Metadata) -> io::Result<bool> {
    security::owner_of_file(path)?.is_trusted()
}

/// A folder that we created is closed already; one that the user made keeps the access list that the user gave it.
pub fn close_to_others(_path: &Path, _metadata: &Metadata) -> io::Result<()> {
    Ok(())
}
