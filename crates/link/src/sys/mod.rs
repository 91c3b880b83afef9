//! The carriers, one file each. The only place of this crate that knows operating systems.

mod listener;
#[cfg(target_os = "linux")]
mod serial;
#[cfg(unix)]
mod unix_dialer;
#[cfg(target_os = "linux")]
mod vsock;
#[cfg(unix)]
mod vsock_bridge;

pub use listener::{ExpectedPid, HostAddress, HostListener, host_listener};
#[cfg(target_os = "linux")]
pub use serial::{SerialPort, serial_port};
#[cfg(unix)]
pub use unix_dialer::{UnixDialer, unix_dialer};
#[cfg(target_os = "linux")]
pub use vsock::{VsockDialer, VsockListener, vsock_dialer, vsock_listener};
#[cfg(unix)]
pub use vsock_bridge::{VsockBridge, vsock_bridge};
