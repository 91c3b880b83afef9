//! A container's process, looked at from outside and ended from outside.
//!
//! The host names a process by the number that the engine told it a moment ago. Numbers are reused, so nothing is read
//! or signalled before two things are certain: the process is held by a pidfd, which never means another one, and it
//! is in the control group of the container that was named. dockerd runs in the agent's own process namespace, in a VM
//! as well as without one, so that its numbers are ours.
//!
//! ```text
//!   pid, container ──► Member::open: pidfd, control group, still alive ──► facts
//!                                                                     └──► tree ──► end: HUP, TERM, KILL
//! ```

mod container;
mod end;
mod facts;
mod member;
mod proc_files;
mod stat;
#[cfg(test)]
pub mod test_child;
mod tree;

pub use self::{container::Container, end::end, facts::facts, member::Member};
