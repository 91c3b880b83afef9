//! What a machine is: nouns and rules, no process, no socket, and no word of Docker.
//!
//! Drivers depend on this crate and boot machines; the host agent owns one machine through [`Driver`] and
//! [`Instance`]. How the calls follow each other:
//!
//! ```text
//!   Driver::prepare ──► Driver::launch ──► Instance { pause, resume }* ──► kill or power off
//!                                             │
//!                                             └── DriverEvent …, the last one is Exited
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod driver;
mod error;
mod spec;
mod state;

pub use driver::{Accelerator, Capabilities, Driver, DriverEvent, Exit, Instance, Verdict};
pub use error::DriverError;
pub use spec::{AcceleratorChoice, LinkChoice, MachineSpec, VmImagePaths};
pub use state::{BootPhase, MachineState};
