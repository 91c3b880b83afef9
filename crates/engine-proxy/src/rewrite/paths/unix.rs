//! Paths as Unix writes them.

use super::host_path::{HostPath, NoPath, Root, walked};

/// Takes a path apart. `None` when it does not begin at the root.
pub(super) fn read(path: &str) -> Result<Option<HostPath>, NoPath> {
    let Some(names) = path.strip_prefix('/') else {
        return Ok(None);
    };
    if path.contains('\0') {
        return Err(NoPath::ZeroByte);
    }
    Ok(Some(HostPath {
        root: Root::Unix,
        names: walked(names.split('/')).into_iter().map(str::to_owned).collect(),
    }))
}
