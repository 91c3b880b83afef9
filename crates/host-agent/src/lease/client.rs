//! The client's end of a session: frames from it in order, and two queues to it.
//!
//! Events overtake output, so that a client that is slow to print still hears of everything else. Output waits for the
//! client, at most [`QUEUED_OUTPUT`] pieces of it; when the client is gone it is dropped, so that a container never
//! waits for somebody who does not listen.

use std::io;

use api::{AgentFrame, ClientFrame, SessionEvent, SessionFrame, SessionFrameDecoder};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

const READ_BYTES: usize = 16 * 1024;
/// Frames of the client that wait for the session.
const QUEUED_FRAMES: usize = 256;
/// Pieces of output that wait for the client.
const QUEUED_OUTPUT: usize = 16;

/// A client.
pub struct Client {
    /// What it sends, in order; ends when it is gone.
    frames: mpsc::Receiver<ClientFrame>,
    teller: Teller,
    writer: JoinHandle<()>,
    _reader: AbortOnDropHandle<()>,
}

impl Client {
    /// Takes over a connection.
    pub fn new<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S) -> Self {
        let (read, write) = tokio::io::split(stream);
        let (frame_sender, frames) = mpsc::channel(QUEUED_FRAMES);
        let (events, queued_events) = mpsc::unbounded_channel();
        let (output, queued_output) = mpsc::channel(QUEUED_OUTPUT);
        let gone = CancellationToken::new();
        let reader = tokio::spawn({
            let gone = gone.clone();
            async move {
                if let Err(error) = read_frames(read, frame_sender).await {
                    tracing::debug!(%error, "container session broke");
                }
                gone.cancel();
            }
        });
        let writer = tokio::spawn({
            let gone = gone.clone();
            async move {
                tokio::select! {
                    written = write_frames(write, queued_events, queued_output) => {
                        if written.is_err() {
                            gone.cancel();
                        }
                    }
                    () = gone.cancelled() => {}
                }
            }
        });
        Self {
            frames,
            teller: Teller { events, output, gone },
            writer,
            _reader: AbortOnDropHandle::new(reader),
        }
    }

    /// The next frame; `None` when the client is gone and everything it sent before is read. Cancel safe.
    pub async fn next(&mut self) -> Option<ClientFrame> {
        self.frames.recv().await
    }

    /// A frame that is there already: `Some(None)` when the client is gone, `None` when there is nothing to read yet.
    pub fn next_now(&mut self) -> Option<Option<ClientFrame>> {
        match self.frames.try_recv() {
            Ok(frame) => Some(Some(frame)),
            Err(mpsc::error::TryRecvError::Disconnected) => Some(None),
            Err(mpsc::error::TryRecvError::Empty) => None,
        }
    }

    /// What tells the client things.
    pub fn teller(&self) -> &Teller {
        &self.teller
    }

    /// Tells the last thing, after all output, and waits until the client has it or is gone.
    pub async fn finish(self, last: AgentFrame) {
        let Self {
            frames,
            teller,
            writer,
            _reader,
        } = self;
        // A client that still sends must not keep its reader, which notices when it goes, from reading on.
        let discard = tokio::spawn(async move {
            let mut frames = frames;
            while frames.recv().await.is_some() {}
        });
        let _discard = AbortOnDropHandle::new(discard);
        teller.output(last).await;
        drop(writer.await);
    }
}

/// Tells a client things.
#[derive(Clone)]
pub struct Teller {
    events: mpsc::UnboundedSender<AgentFrame>,
    output: mpsc::Sender<AgentFrame>,
    gone: CancellationToken,
}

impl Teller {
    /// Tells of an event.
    pub fn tell(&self, event: SessionEvent) {
        drop(self.events.send(AgentFrame::Event(event)));
    }

    /// Tells that so much input was taken.
    pub fn taken(&self, bytes: u32) {
        drop(self.events.send(AgentFrame::Taken(bytes)));
    }

    /// Tells output, waiting while the client is slow. Drops it when the client is gone.
    pub async fn output(&self, frame: AgentFrame) {
        tokio::select! {
            sent = self.output.send(frame) => drop(sent),
            () = self.gone.cancelled() => {}
        }
    }

    /// Whether output waits for the client.
    pub fn is_stalled(&self) -> bool {
        self.output.capacity() == 0 && !self.gone.is_cancelled()
    }
}

async fn read_frames<R: AsyncRead>(
    mut read: ReadHalf<R>,
    frames: mpsc::Sender<ClientFrame>,
) -> io::Result<()> {
    let mut decoder = SessionFrameDecoder::default();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        while let Some(frame) = decoder.next_frame()? {
            if frames.send(frame).await.is_err() {
                return Ok(());
            }
        }
        match read.read(&mut bytes).await? {
            0 => return Ok(()),
            length => decoder.push(&bytes[..length]),
        }
    }
}

/// Ends after the last frame of a session, or when nobody is left to tell anything.
async fn write_frames<W: AsyncWrite>(
    mut write: WriteHalf<W>,
    mut events: mpsc::UnboundedReceiver<AgentFrame>,
    mut output: mpsc::Receiver<AgentFrame>,
) -> io::Result<()> {
    loop {
        let frame = tokio::select! {
            biased;
            Some(frame) = events.recv() => frame,
            Some(frame) = output.recv() => frame,
            else => return write.shutdown().await,
        };
        write.write_all(&frame.encode()).await?;
        write.flush().await?;
        if is_last(&frame) {
            return write.shutdown().await;
        }
    }
}

fn is_last(frame: &AgentFrame) -> bool {
    matches!(
        frame,
        AgentFrame::Exit(_) | AgentFrame::Failed(_) | AgentFrame::Event(SessionEvent::Detached)
    )
}
