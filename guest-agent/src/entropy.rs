//! Carries randomness from one boot to the next, beside what the driver's random device gives.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::rand::{GetRandomFlags, getrandom};

const SEED_BYTES: usize = 512;

/// Feeds the seed of the last boot to the kernel (which mixes it in, and does not count it: random(4)) and writes a
/// new one, so that no seed is used twice.
pub fn reseed(folder: &Path) {
    let path = folder.join("random-seed");
    if let Ok(seed) = fs::read(&path)
        && let Ok(mut device) = OpenOptions::new().write(true).open("/dev/urandom")
    {
        // Losing it costs nothing: the kernel has other sources.
        let _ = device.write_all(&seed);
    }
    let mut seed = [0; SEED_BYTES];
    let filled = getrandom(&mut seed[..], GetRandomFlags::NONBLOCK).is_ok_and(|count| count == SEED_BYTES);
    if filled && let Err(error) = save(&path, &seed) {
        tracing::info!(%error, "random seed not saved");
    }
}

fn save(path: &Path, seed: &[u8]) -> std::io::Result<()> {
    fs::write(path, seed)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reseed_twice_writes_different_seeds() {
        let folder = tempfile::tempdir().unwrap();
        reseed(folder.path());
        let first = fs::read(folder.path().join("random-seed")).unwrap();
        reseed(folder.path());
        let second = fs::read(folder.path().join("random-seed")).unwrap();
        assert_eq!(first.len(), SEED_BYTES);
        assert_ne!(first, second);
    }
}
