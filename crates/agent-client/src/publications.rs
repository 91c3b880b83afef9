//! What is published, and the host's answers.

use std::io;

use link::{Lane, Stream};
use protocol::{FrameDecoder, LinkPort, PublicationAnswer, PublicationFrame, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::{AgentClient, AgentClientError};

const READ_BYTES: usize = 16 * 1024;

/// What the guest tells. Dropping both halves ends the stream.
#[derive(Debug)]
pub struct PublicationReader {
    stream: ReadHalf<Stream>,
    decoder: FrameDecoder<PublicationFrame>,
}

/// What the guest is answered.
#[derive(Debug)]
pub struct PublicationWriter {
    stream: WriteHalf<Stream>,
}

impl AgentClient {
    /// Opens the stream of publications, and takes over from an earlier one. It begins with all there are.
    pub async fn open_publications(
        &self,
    ) -> Result<(PublicationReader, PublicationWriter), AgentClientError> {
        let stream = self
            .link()
            .dial(Lane::Control, LinkPort::PUBLICATIONS.0)
            .await
            .map_err(|source| AgentClientError::Dial {
                service: "publications",
                source,
            })?;
        let (read, write) = tokio::io::split(stream);
        let reader = PublicationReader {
            stream: read,
            decoder: FrameDecoder::default(),
        };
        Ok((reader, PublicationWriter { stream: write }))
    }
}

impl PublicationReader {
    /// Waits for the next frame; `None` when the guest has ended the stream. Cancel safe.
    ///
    /// Fails with [`io::ErrorKind::InvalidData`] for what is no frame, and else with what the stream says.
    pub async fn next(&mut self) -> io::Result<Option<PublicationFrame>> {
        loop {
            let next = self.decoder.next_message();
            let next = next.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if next.is_some() {
                return Ok(next);
            }
            let mut bytes = Vec::with_capacity(READ_BYTES);
            if self.stream.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
            self.decoder.push(&bytes);
        }
    }
}

impl PublicationWriter {
    /// Answers.
    pub async fn answer(&mut self, answer: &PublicationAnswer) -> io::Result<()> {
        let frame = encode(answer).map_err(io::Error::other)?;
        self.stream.write_all(&frame).await?;
        self.stream.flush().await
    }
}
