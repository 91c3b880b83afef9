//! The folders: whether they can be used, and whether socket paths fit.

use std::{fs, path::Path};

use platform::{Folders, FoldersError};

use super::{Check, resources::existing_ancestor};
use crate::failure::chain;

/// The longest socket path that every supported host can bind: `sun_path` has 104 bytes on macOS, 108 on Linux.
const SOCKET_PATH_LIMIT_BYTES: usize = 103;

/// Folders cannot even be named.
pub fn unresolved(error: &FoldersError) -> Check {
    Check::fail(
        "folders",
        chain(error),
        "set PINNACE_HOME to the short, absolute path of a folder on a local disk",
    )
}

/// Looks at all folders without creating any.
pub fn check(folders: &Folders) -> Vec<Check> {
    vec![writable(folders), socket_paths(folders)]
}

fn writable(folders: &Folders) -> Check {
    let all = [
        &folders.config,
        &folders.data,
        &folders.state,
        &folders.logs,
        &folders.cache,
        &folders.run,
    ];
    for folder in all {
        if let Err(reason) = can_hold_files(folder) {
            return Check::fail(
                "folders",
                format!("{}: {reason}", folder.display()),
                "correct the folder's owner and permissions, or set PINNACE_HOME to another",
            );
        }
    }
    Check::ok("folders", format!("writable, data in {}", folders.data.display()))
}

/// Tries a file in the folder, or in the nearest one above that is there.
fn can_hold_files(folder: &Path) -> Result<(), String> {
    let place = existing_ancestor(folder).ok_or("no folder above it exists")?;
    if !fs::metadata(place).map_err(|error| chain(&error))?.is_dir() {
        return Err(format!("{} is not a folder", place.display()));
    }
    let probe = place.join(format!(".pinnace-doctor-{}", std::process::id()));
    fs::File::create_new(&probe).map_err(|error| format!("failed to write: {}", chain(&error)))?;
    fs::remove_file(&probe)
        .map_err(|error| format!("failed to delete {}: {}", probe.display(), chain(&error)))
}

fn socket_paths(folders: &Folders) -> Check {
    const NAME: &str = "socket paths";
    let longest = [&folders.engine_socket, &folders.api_socket]
        .into_iter()
        .filter_map(|address| address.unix_path())
        .max_by_key(|path| path.as_os_str().len());
    let Some(path) = longest else {
        return Check::ok(NAME, "named pipes have no short limit");
    };
    let length = path.as_os_str().len();
    let detail = format!("{length} of {SOCKET_PATH_LIMIT_BYTES} bytes: {}", path.display());
    match length {
        0..=SOCKET_PATH_LIMIT_BYTES => Check::ok(NAME, detail),
        _ => Check::fail(NAME, detail, "set PINNACE_HOME to a shorter path"),
    }
}
