//! Folders of the host, mounted with FUSE. The host answers the kernel's requests.
//!
//! ```text
//!   SetShares ─► set ─► mount ─► /run/pinnace/shares/<id>, and place: the host's own path
//!                         │
//!   files lane, one stream a share ◄─► pump ◄─ desk ─► device ◄─► /dev/fuse
//!                         │              ├─► adoption: what a new server must know of
//!                         │              └─► replay: changes of the host, so that inotify tells of them
//!                         └ spec: what the host may ask for
//! ```

mod adoption;
mod desk;
mod device;
mod message;
mod mount;
mod mountinfo;
mod place;
mod pump;
mod replay;
mod requests;
mod set;
mod spec;
#[cfg(test)]
mod tests;

pub use self::{place::Ground, set::Shares};
