//! What listens in the machine's own network without having been published: containers on the host network, and dockerd
//! for the services of a swarm. Told to the host through the [`Publications`](crate::publish::Publications).
//!
//! ```text
//!   asleep ── a container starts or ends, or a swarm does (inotify) ──► look ── on the host network, or a swarm? ──┐
//!     ▲                                                                  ▲ │ no                                    │ yes
//!     └──────────────────────────────────────────────────────────────────┼─┘                                       ▼
//!                                                                        └──────────── after 1 s ◄──────────── scan
//! ```
//!
//! Nothing tells when a program begins to listen, so that it is looked for; but only while there is somebody who might.

mod owners;
mod scan;
mod table;
mod wake;
mod watch;

pub use self::{
    table::{Table, read_table},
    watch::keep_telling,
};
