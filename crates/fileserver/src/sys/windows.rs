//! A folder of a Windows host.
//!
//! A node is a file's number. A handle of each would keep Windows from renaming the folders above it, for the guest and
//! for the host's own programs, so a file is opened by its number for each thing that is done with it. NTFS never uses one
//! twice; ReFS neither. What has been unlinked has no number any more: such a node lives by the guest's open files. File
//! systems that cannot open by number (FAT, network drives) have nodes that hold a handle.
//!
//! The tables of names, errors, times, links, attributes and locks know no call of Windows, so they are tested on any
//! host.

#[cfg(windows)]
mod changes;
mod ea;
mod errno;
#[cfg(windows)]
mod files;
mod hard_links;
mod listing;
mod locks;
#[cfg(windows)]
mod metadata;
mod name;
#[cfg(windows)]
mod native;
#[cfg(windows)]
mod nodes;
#[cfg(windows)]
mod opening;
mod reparse;
mod time;
#[cfg(windows)]
mod volume;
#[cfg(windows)]
mod xattrs;

#[cfg(windows)]
pub use nodes::HostFolder;
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
