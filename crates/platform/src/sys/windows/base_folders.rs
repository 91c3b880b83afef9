//! Where Windows keeps a user's things: settings roam with the profile, everything large stays local.

use etcetera::base_strategy::{BaseStrategy, Windows};

use crate::folders::{Environment, FoldersError, Places};

/// The folders without `PINNACE_HOME`.
pub fn usual(_environment: Environment<'_>) -> Result<Places, FoldersError> {
    let base = Windows::new().map_err(|_| FoldersError::NoHome)?;
    // The crate's cache folder is the one folder that it takes from the local profile.
    let local = base.cache_dir().join("Pinnace");
    Ok(Places {
        config: base.config_dir().join("Pinnace"),
        data: local.join("data"),
        state: local.join("state"),
        logs: local.join("logs"),
        cache: local.join("cache"),
        run: local.join("run"),
    })
}
