//! Paths that a client gives for the host and means for the machine.

use super::{HostPath, PathStyle, Root};

/// The engine's socket and files, and what the kernel tells.
const FOLDERS: [&[&str]; 7] = [
    &["var", "run", "docker.sock"],
    &["run", "docker.sock"],
    &["var", "lib", "docker"],
    &["lib", "modules"],
    &["dev"],
    &["proc"],
    &["sys"],
];

/// The names of the path below the folder that makes it one of the machine. `None` when it is one of the host.
pub(super) fn place(style: PathStyle, path: &HostPath) -> Option<&[String]> {
    if path.root != Root::Unix {
        return None;
    }
    // Windows has no such paths; on Unix the root itself is what programs ask for that watch the machine.
    if style == PathStyle::Windows || path.names.is_empty() {
        return Some(&path.names);
    }
    below_folder(&path.names)
}

/// The names below one of the folders.
pub(super) fn below_folder(names: &[String]) -> Option<&[String]> {
    FOLDERS.iter().find_map(|folder| {
        let (start, rest) = names.split_at_checked(folder.len())?;
        (start == *folder).then_some(rest)
    })
}
