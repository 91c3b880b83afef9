//! What brings a lane's bytes.

use std::io;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

/// An ordered byte stream in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for T {}

/// A connection of a [`Carrier`]. What was in flight when an earlier one ended may be lost, and stale bytes of an
/// earlier one may come first.
pub type RawStream = Box<dyn ByteStream>;

/// Brings one lane's byte stream, and brings it again after every loss.
#[async_trait]
pub trait Carrier: Send + 'static {
    /// Waits until there is a peer and connects to it. Called again after every loss, when the stream returned last
    /// has been dropped. An error is retried after a pause, so it is for what may pass.
    async fn connect(&mut self) -> io::Result<RawStream>;
}

#[async_trait]
impl<T: Carrier + ?Sized> Carrier for Box<T> {
    async fn connect(&mut self) -> io::Result<RawStream> {
        (**self).connect().await
    }
}
