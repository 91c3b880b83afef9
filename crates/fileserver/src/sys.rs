//! The host's file system behind [`Volume`](crate::Volume), one folder for each family of hosts.

#[cfg(unix)]
mod unix;
#[cfg(any(windows, test))]
mod windows;

#[cfg(unix)]
pub use unix::{HostFolder, path_names};
#[cfg(windows)]
pub use windows::path_names;
