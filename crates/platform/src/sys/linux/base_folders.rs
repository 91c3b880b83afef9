//! Where Linux keeps a user's things: the XDG base directories.

use std::{fs, path::Path};

use crate::{
    folders::{Environment, FoldersError, Places},
    sys::unix::folders::{home, is_ours, xdg},
};

/// The folders without `PINNACE_HOME`.
pub fn usual(environment: Environment<'_>) -> Result<Places, FoldersError> {
    let home = home(environment)?;
    let base = |name: &str, otherwise: &str| xdg(environment, name).unwrap_or_else(|| home.join(otherwise));
    let state = base("XDG_STATE_HOME", ".local/state").join("pinnace");
    // After `sudo` with a kept environment it is another user's; then, and without one, the state folder will do.
    let run = match xdg(environment, "XDG_RUNTIME_DIR").filter(|folder| owned_folder(folder)) {
        Some(runtime) => runtime.join("pinnace"),
        None => state.join("run"),
    };
    Ok(Places {
        config: base("XDG_CONFIG_HOME", ".config").join("pinnace"),
        data: base("XDG_DATA_HOME", ".local/share").join("pinnace"),
        logs: state.join("logs"),
        cache: base("XDG_CACHE_HOME", ".cache").join("pinnace"),
        state,
        run,
    })
}

/// Whether it is a folder of ours.
fn owned_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir() && is_ours(path, &metadata).unwrap_or(false))
}
