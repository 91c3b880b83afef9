//! Ports of containers on the host. One task owns the table of forwards; [`Input`](input::Input) is everything that can
//! change it; everybody else reads what is published.
//!
//! ```text
//!   guest (publications, listeners) ──┐                        ┌──► bound: socket ──► tcp, udp ──► way ──► guest's end
//!   containers (engine's events) ─────┼──► task: the entries ──┤
//!   handle (add, move, remove) ───────┤                        └──► kept: state/forwards.json
//!   machine (snapshots) ──────────────┘
//!
//!   one entry:          bound               its container stopped, removed by a user
//!            (new) ────────────────► open ──────────────────────────────────────────► closed
//!              │ not bound            ▲ tried again                                     │ its container started
//!              └──────────► failed ───┘◄────────────────────────────────────────────────┘
//! ```
//!
//! A publication that fails while dockerd waits for it is answered and not kept: the container does not start. One that
//! nobody waits for is kept as failed, and tried again when something is closed and every [`RETRY`].

mod bind_all;
mod bound;
mod connections;
mod containers;
mod entry;
mod guest;
mod handle;
mod input;
mod kept;
mod listeners;
mod live;
mod machine;
mod pipe;
mod published;
mod reason;
mod task;
mod tcp;
mod udp;
mod way;

use std::time::Duration;

pub use {
    handle::{Forwards, ForwardsConfig},
    way::Room,
};

/// Between two tries to open what failed.
const RETRY: Duration = Duration::from_secs(2);
/// The most forwards there may be. A guest that wants more gets an error.
const MOST_FORWARDS: usize = 4096;

#[cfg(test)]
mod tests;
