//! Published ports: what dockerd asks of a `docker-proxy` is asked of the host.
//!
//! ```text
//!   dockerd ── starts, fd 3, fd 4 ──► hook process ── socket, SCM_RIGHTS ──► desk ──► Publications ◄──► host agent
//!      ▲                                │   ▲                                 │        (LinkPort::PUBLICATIONS)
//!      └── 0, or 1 and why (fd 3) ──────┘   └──────────── answer ─────────────┤
//!                                                                             └──► relay serves fd 4
//!
//!   a publication    asked ── answered ──► held ── SIGINT: dockerd frees the port ──────────────────► released
//!                                           │ ▲
//!                      the hook just ended  ▼ │ dockerd, started anew, asks for the same again
//!                                         orphaned ── dockerd is ready and did not ask ──────────────► released
//! ```
//!
//! A hook process is the agent's own program under another name ([`hook`]). It lives for as long as the port is
//! published, as dockerd expects, and it dies with dockerd. Containers live on then (live-restore), and so do their ports.

mod desk;
mod handover;
pub mod hook;
mod install;
mod publications;
mod relay;
mod request;
mod session;

pub use self::{desk::serve, install::install, publications::Publications};
