//! Where macOS keeps a user's things: `~/Library`, and the XDG variables for those who set them.

use crate::{
    folders::{Environment, FoldersError, Places},
    sys::unix::folders::{home, xdg},
};

/// The folders without `PINNACE_HOME`.
pub fn usual(environment: Environment<'_>) -> Result<Places, FoldersError> {
    let home = home(environment)?;
    let library = home.join("Library");
    let support = library.join("Application Support/Pinnace");
    let xdg = |name: &str| xdg(environment, name).map(|base| base.join("pinnace"));
    let state = xdg("XDG_STATE_HOME");
    Ok(Places {
        config: xdg("XDG_CONFIG_HOME").unwrap_or_else(|| support.clone()),
        data: xdg("XDG_DATA_HOME").unwrap_or_else(|| support.join("data")),
        logs: state
            .as_ref()
            .map_or_else(|| library.join("Logs/Pinnace"), |state| state.join("logs")),
        state: state.unwrap_or_else(|| support.join("state")),
        cache: xdg("XDG_CACHE_HOME").unwrap_or_else(|| library.join("Caches/Pinnace")),
        // Short, for the limit on socket paths.
        run: home.join(".pinnace/run"),
    })
}
