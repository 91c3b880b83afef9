//! Folders of the host in the machine. One task owns the table of shares; [`Input`](input::Input) is everything that can
//! change it; everybody else reads what is published.
//!
//! ```text
//!   guest (agent's connection) ──┐                        ┌──► SetShares ──► guest: mounts
//!   machine (snapshots) ─────────┼──► task: the entries ──┤
//!   handle (add, remove) ────────┤        │               └──► kept: state/shares.json
//!   keepers (served, watched) ───┘        ├──► published: list, paths (the endpoint's rewrite reads them)
//!                 ▲                       ▼
//!                 └──── keeper, one per share: file server ◄── stream of the files lane ──► guest
//!
//!   one entry:  waiting ──► mounted: the guest mounted it, and its stream is served
//!                  ▲   │
//!                  └───┴──► failed: the guest refused, or the folder is gone; tried again
//! ```
//!
//! A share's folder is watched on its own, see [`watching`]: where that cannot be, the share goes on without.
//!
//! A share is the folder behind the path that was given, its links resolved. Some places in it are [`hidden`].

mod check;
mod entry;
mod follow;
mod handle;
mod hidden;
mod input;
mod keeper;
mod kept;
mod paths;
mod publish;
mod requests;
mod served;
mod sys;
mod task;
mod users;
mod watching;

pub use {
    handle::{Shares, SharesConfig},
    hidden::is_place,
    kept::Kept,
};

/// The most shares there may be; the guest takes no more.
const MOST_SHARES: usize = 64;
/// The id of the home's share.
const HOME_ID: &str = "home";
/// Where the guest has every share, whatever else it finds for it.
const GUEST_FOLDER: &str = "/run/pinnace/shares";

#[cfg(test)]
mod tests;
