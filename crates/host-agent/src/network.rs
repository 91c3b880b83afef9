//! The host's proxies and certificate authorities, for the engine.
//!
//! ```text
//!   supervisor ── agent's connection ──► teller ── SetNetwork ──► guest agent: dockerd's environment at its next start
//!                                          │
//!                                          └── the connection, after that ──► shares: SetShares, which dockerd waits for
//! ```
//!
//! Settings, the system's proxies and the files of certificates are read anew for each connection.

mod certificates;
mod exceptions;
mod proxy;
mod sys;
mod system;
mod teller;

pub use {
    proxy::{NetworkChoice, Proxies, ProxyChoice, check as check_proxy},
    teller::{Network, tell_first},
};
