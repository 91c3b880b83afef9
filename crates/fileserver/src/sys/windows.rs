//! Windows' names, errors and times in the guest's terms. The tables know no call of Windows, so they are tested on any
//! host.

#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "for the volume of a Windows host, which is not there yet"
    )
)]
mod errno;
mod name;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "for the volume of a Windows host, which is not there yet"
    )
)]
mod time;

#[cfg(windows)]
pub use paths::path_names;

#[cfg(windows)]
mod paths {
    use std::{
        os::windows::ffi::OsStrExt as _,
        path::{Component, Path},
    };

    use super::name;
    use crate::Name;

    /// The names of a relative path's components as the guest knows them, or none when it cannot.
    pub fn path_names(path: &Path) -> Option<Vec<Name>> {
        path.components()
            .map(|component| match component {
                Component::Normal(part) => name::to_guest(&part.encode_wide().collect::<Vec<u16>>()),
                _ => None,
            })
            .collect()
    }
}
