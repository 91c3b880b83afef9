//! Named pipes in message mode.

mod client;
mod listener;
mod stream;

pub use client::connect;
pub use listener::Listener;
pub use stream::{Stream, peer};
