//! The way to the engine.

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream in both directions; `poll_shutdown` ends ours only, dropping it aborts both.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Why there is no engine to talk to, with the next step, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Opens connections to the engine.
#[async_trait::async_trait]
pub trait Upstream: fmt::Debug + Send + Sync + 'static {
    /// Opens one. May take as long as it takes to start the machine, where the user chose that.
    async fn open(&self) -> Result<Box<dyn Io>, Unavailable>;

    /// Resolves when it is known what a request has to be rewritten to, such as where the host's folders are in the
    /// machine. May start it as [`Upstream::open`] does.
    async fn ready(&self) -> Result<(), Unavailable> {
        Ok(())
    }
}
