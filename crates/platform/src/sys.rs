//! One implementation per OS, with equal names; `os` is the one for this host.

#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(target_os = "macos")]
pub mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
pub mod windows;

#[cfg(target_os = "linux")]
pub use linux as os;
#[cfg(target_os = "macos")]
pub use macos as os;
#[cfg(windows)]
pub use windows as os;
