//! Byte streams to the guest's services.

use link::{Lane, Stream};
use protocol::{ForwardTarget, LinkPort, LogSource, StreamHead, Transport, encode};
use tokio::io::AsyncWriteExt;

use crate::{AgentClient, AgentClientError};

impl AgentClient {
    /// Opens a stream to the engine's API, byte for byte.
    pub async fn open_engine(&self) -> Result<Stream, AgentClientError> {
        self.dial(Lane::Data, LinkPort::ENGINE, "engine").await
    }

    /// Opens a shell. Its exit code comes as [`Event::ShellExited`](protocol::Event::ShellExited) with `token`, before
    /// the stream ends.
    pub async fn open_shell(
        &self,
        token: u64,
        argv: Vec<String>,
        tty: Option<(u16, u16)>,
    ) -> Result<Stream, AgentClientError> {
        self.begin(
            Lane::Data,
            LinkPort::SHELL,
            "shell",
            &StreamHead::Shell { token, argv, tty },
        )
        .await
    }

    /// Opens a log's text. With `follow` it ends when the stream is shut down or dropped.
    pub async fn open_logs(
        &self,
        source: LogSource,
        tail_lines: u32,
        follow: bool,
    ) -> Result<Stream, AgentClientError> {
        self.begin(
            Lane::Data,
            LinkPort::LOGS,
            "logs",
            &StreamHead::Logs {
                source,
                tail_lines,
                follow,
            },
        )
        .await
    }

    /// Opens the guest's end of a forward. TCP: bytes both ways. UDP: datagrams, each after its length as two bytes, big
    /// end first. A target that cannot be reached shows as an abort of the stream.
    pub async fn open_forward(
        &self,
        transport: Transport,
        target: ForwardTarget,
    ) -> Result<Stream, AgentClientError> {
        self.begin(
            Lane::Data,
            LinkPort::FORWARD,
            "forward",
            &StreamHead::Forward { transport, target },
        )
        .await
    }

    /// Opens the stream on which the guest asks a share's file server. `server` names that one server.
    pub async fn open_share(&self, id: &str, server: u64) -> Result<Stream, AgentClientError> {
        let id = id.to_owned();
        self.begin(
            Lane::Files,
            LinkPort::SHARE,
            "share",
            &StreamHead::Share { id, server },
        )
        .await
    }

    async fn dial(
        &self,
        lane: Lane,
        port: LinkPort,
        service: &'static str,
    ) -> Result<Stream, AgentClientError> {
        self.link()
            .dial(lane, port.0)
            .await
            .map_err(|source| AgentClientError::Dial { service, source })
    }

    async fn begin(
        &self,
        lane: Lane,
        port: LinkPort,
        service: &'static str,
        head: &StreamHead,
    ) -> Result<Stream, AgentClientError> {
        let frame = encode(head).map_err(|source| AgentClientError::Encode {
            request: service,
            source,
        })?;
        let mut stream = self.dial(lane, port, service).await?;
        let begun = async {
            stream.write_all(&frame).await?;
            stream.flush().await
        };
        begun
            .await
            .map_err(|source| AgentClientError::Begin { service, source })?;
        Ok(stream)
    }
}
