//! Copies between the kernel and a share's streams, one after the other.
//!
//! ```text
//!                  ┌ first server ► INIT, its answer goes to the kernel ────────────────┐
//!   stream comes ──┼ other server ► INIT once more, its answer is compared ► adoption ──┼─► REPLAYER ─► requests, answers
//!                  └ same server ───────────────────────────────────────────────────────┘
//! ```
//! A stream that is lost costs its unanswered requests (EIO). What the kernel asks without a stream waits a while for the
//! next. Only the kernel's first request waits as long as it takes: without its answer the mount would be lost.

use std::{io::Cursor, os::fd::OwnedFd, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::{Semaphore, mpsc},
    task::spawn_blocking,
    time::timeout,
};

use super::{
    adoption::{self, DeviceNumber},
    desk::{Answer, Desk, Start},
    device::{self, Notifications},
    message::{self, Agreed, FromServer},
    replay::Replayer,
};

/// How long what the kernel asks may wait for a stream.
pub const ALONE_LIMIT: Duration = Duration::from_secs(10);
/// Answers on their way to the kernel hold no more than this; a single one fits.
const ANSWER_BYTES: u32 = 4 << 20;
/// Adoption may take no longer; what was not found by then is stale.
const ADOPTION_LIMIT: Duration = Duration::from_secs(10);

/// The pump of one share. It ends with the share's mount.
pub struct Pump {
    desk: Arc<Desk>,
    notifications: Notifications,
    /// The thread whose requests are replays.
    replayer: u32,
    number: DeviceNumber,
    room: Arc<Semaphore>,
}

impl Pump {
    /// Starts it. `fuse` is `/dev/fuse`, mounted, not blocking; `root` the mount's root; `number` that of the mount.
    pub fn start(
        fuse: std::fs::File,
        root: OwnedFd,
        number: DeviceNumber,
        limit: Duration,
    ) -> anyhow::Result<Self> {
        let (answers, queue) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk::new(limit, answers)?);
        let replayer = Replayer::start(root, {
            let desk = Arc::clone(&desk);
            move |number, errno| desk.note_replayed(number, errno)
        });
        let thread = replayer.thread_id();
        let notifications = device::start(fuse, &desk, queue, replayer)?;
        Ok(Self {
            desk,
            notifications,
            replayer: thread,
            number,
            room: Arc::new(Semaphore::new(ANSWER_BYTES as usize)),
        })
    }

    /// Whether no stream can serve the mount any more.
    pub fn has_ended(&self) -> bool {
        self.desk.has_ended()
    }

    /// Lets a server answer until its stream ends, a newer one takes over or the mount is gone. `first`: what was read of
    /// the stream already.
    pub async fn serve(
        &self,
        server: u64,
        first: Vec<u8>,
        stream: impl AsyncRead + AsyncWrite,
    ) -> anyhow::Result<()> {
        let turn = self.desk.take_over()?;
        let served = tokio::select! {
            () = self.desk.turn_is_over(turn) => Ok(()),
            served = self.exchange(turn, server, first, stream) => served,
        };
        self.desk.lose(turn);
        served
    }

    async fn exchange(
        &self,
        turn: u64,
        server: u64,
        first: Vec<u8>,
        stream: impl AsyncRead + AsyncWrite,
    ) -> anyhow::Result<()> {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut reader = Cursor::new(first).chain(reader);
        match self.desk.start(server) {
            Start::Same => {}
            Start::First => {
                let agreed = self.agree(&mut reader, &mut writer, true).await?;
                self.desk.set_agreed(agreed);
            }
            Start::Other(known) => {
                let agreed = self.agree(&mut reader, &mut writer, false).await?;
                if agreed != known {
                    self.desk.fail();
                    bail!("the new server talks otherwise than the one before");
                }
                self.adopt(&mut writer).await?;
            }
        }
        self.desk.set_server(server);
        send(&mut writer, &message::replayer(self.replayer)).await?;
        tokio::select! {
            result = self.send_requests(turn, &mut writer) => result,
            result = self.take_answers(turn, &mut reader) => result,
        }
    }

    /// Sends the kernel's first request and reads its answer, which the kernel is given when it waits for it.
    async fn agree(
        &self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
        kernel_waits: bool,
    ) -> anyhow::Result<Agreed> {
        let (init, request) = self.desk.init().await;
        send(writer, &request).await?;
        writer.flush().await.context("failed to send a request")?;
        let answer = loop {
            let message = message::read(reader)
                .await?
                .context("the server ended before its first answer")?;
            // What was changed before the two have agreed is no news.
            if message::kind(&message) == (FromServer::Answer { unique: init }) {
                break message;
            }
        };
        let agreed = Agreed::of(&answer);
        if agreed.is_some() && kernel_waits {
            self.desk.answer(Answer {
                bytes: answer,
                _room: None,
            });
        }
        if agreed.is_none() {
            self.desk.fail();
        }
        agreed.context("the server refused the kernel's version of the protocol")
    }

    /// Tells a new server what the kernel still uses.
    async fn adopt(&self, writer: &mut (impl AsyncWrite + Unpin)) -> anyhow::Result<()> {
        let number = self.number;
        let finding = spawn_blocking(move || adoption::nodes_in_use(number));
        let nodes = match timeout(ADOPTION_LIMIT, finding).await {
            Ok(Ok(nodes)) => nodes,
            Ok(Err(error)) => return Err(error).context("failed to find what is in use"),
            Err(_) => {
                tracing::warn!("what is in use of a share was not found in time");
                Vec::new()
            }
        };
        tracing::info!(count = nodes.len(), "share's server is a new one");
        for (node, path) in nodes {
            send(writer, &message::adopt(node, &path)).await?;
        }
        Ok(())
    }

    async fn send_requests(&self, turn: u64, writer: &mut (impl AsyncWrite + Unpin)) -> anyhow::Result<()> {
        loop {
            let message = match self.desk.try_next(turn) {
                Some(message) => message,
                None => {
                    writer.flush().await.context("failed to send a request")?;
                    self.desk.next(turn).await
                }
            };
            send(writer, &message).await?;
        }
    }

    async fn take_answers(&self, turn: u64, reader: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<()> {
        while let Some(bytes) = message::read(reader).await? {
            match message::kind(&bytes) {
                FromServer::Answer { unique } => {
                    let length = u32::try_from(bytes.len())?;
                    let room = Arc::clone(&self.room).acquire_many_owned(length).await?;
                    if self.desk.answered(turn, unique) {
                        self.desk.answer(Answer {
                            bytes,
                            _room: Some(room),
                        });
                    }
                }
                FromServer::Notification | FromServer::Replay => {
                    if !self.notifications.send(bytes) {
                        bail!("too many notifications wait for the kernel");
                    }
                }
                FromServer::Unknown => tracing::debug!("message of a share's server not understood"),
            }
        }
        Ok(())
    }
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> anyhow::Result<()> {
    writer
        .write_all(message)
        .await
        .context("failed to send a request")
}
