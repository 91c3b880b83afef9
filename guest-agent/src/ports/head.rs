//! Reads the head frame of a byte stream.

use anyhow::{Context, bail};
use protocol::{FrameDecoder, StreamHead};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads the head, and the bytes that came with it and belong to what follows.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<(StreamHead, Vec<u8>)> {
    let mut decoder = FrameDecoder::default();
    let mut bytes = [0; 4096];
    loop {
        let length = stream
            .read(&mut bytes)
            .await
            .context("failed to read the stream's head")?;
        if length == 0 {
            bail!("the stream ended before its head");
        }
        decoder.push(&bytes[..length]);
        if let Some(head) = decoder.next_message()? {
            return Ok((head, decoder.into_rest()));
        }
    }
}
