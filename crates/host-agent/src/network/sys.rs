//! The host's own proxy settings, besides the environment's.

mod lists;

#[cfg(not(any(windows, target_os = "macos")))]
#[path = "sys/linux.rs"]
mod os;
#[cfg(target_os = "macos")]
#[path = "sys/macos.rs"]
mod os;
#[cfg(windows)]
#[path = "sys/windows.rs"]
mod os;

pub(super) use os::proxies;
