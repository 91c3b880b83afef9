//! The way to an engine.

use std::{fmt, io};

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream in both directions; `poll_shutdown` ends ours only.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Opens connections to one engine.
#[async_trait::async_trait]
pub trait Connect: fmt::Debug + Send + Sync + 'static {
    /// Opens one. The error's text is for people: it says why the engine cannot be reached, and the next step.
    async fn connect(&self) -> io::Result<Box<dyn Io>>;
}
