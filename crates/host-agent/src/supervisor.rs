//! Owns the machine. One task holds its state; [`Input`] is everything that can change it; everybody else reads the
//! published [`Snapshot`].
//!
//! ```text
//!              start                boot ended            engine ready
//!   Idle ──────────────► Preparing ────────────► Booting ──────────────► Up ◄─► paused, degraded (conditions of Up)
//!    ▲ ▲                     │ stop, watchdog       │ stop, watchdog     │ stop, restart, quit
//!    │ │ exited, or          ▼                      ▼                    │
//!    │ └ boot ended ──── Stopping(ending) ◄──────────────────────────────┘
//!    │                       └── ending: Rest, Fail(error), Boot again (start during stop, accelerator fallback)
//!    │ unexpected exit of Up
//!    └─────────────────── Waiting(until) ── back-off over ──► Preparing
//! ```
//!
//! `Idle` is shown as `stopped`, or as `failed` with the error that led there. The last request wins: a stop during a
//! start cancels it, a start during a stop begins when the stop is complete; whoever waited for the other outcome is
//! answered with [`Code::Superseded`](api::Code::Superseded).

#[cfg(test)]
pub(crate) mod absent;
mod boot;
mod conditions;
mod guest;
mod handle;
mod input;
mod limits;
mod provision;
mod record;
mod requests;
mod run;
mod snapshot;
mod stopping;
mod task;
mod vm;
mod waiters;

pub use handle::{Supervisor, SupervisorConfig};
pub use limits::Limits;
pub use provision::{MachineSettings, Provision, Provisioned};
pub use snapshot::{BootRecord, Snapshot};

use input::Input;

#[cfg(test)]
pub(crate) mod tests;
