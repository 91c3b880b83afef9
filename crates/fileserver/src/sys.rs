//! The host's file system behind [`Volume`](crate::Volume), one folder for each family of hosts.

#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;
#[cfg(any(windows, test))]
mod windows;

#[cfg(unix)]
pub use unix::{HostFolder, path_names};
#[cfg(windows)]
pub use windows::{HostFolder, path_names};
