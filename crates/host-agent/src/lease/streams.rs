//! An attachment to a container's or a command's streams, joined to a client.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use api::{AgentFrame, ClientFrame, SESSION_INPUT_WINDOW_BYTES, SessionEvent};
use engine_client::{LogFrameDecoder, Output};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::task::AbortOnDropHandle;

use super::client::Teller;

const READ_BYTES: usize = 16 * 1024;

/// A joined attachment. Dropping it closes it.
pub struct Streams {
    input: mpsc::UnboundedSender<Piece>,
    /// Bytes of input that the client has sent and that are not acknowledged.
    waiting: Arc<AtomicU32>,
    teller: Teller,
    output: AbortOnDropHandle<()>,
    _feeding: AbortOnDropHandle<()>,
    ended: bool,
}

enum Piece {
    Data(Vec<u8>),
    End,
}

/// The client sent more input than it may.
#[derive(Debug)]
pub struct Overrun;

impl Streams {
    /// Joins `stream`, which is raw with a terminal and has frames without. `stdin`: input is passed on.
    pub fn join<S>(stream: S, tty: bool, stdin: bool, teller: &Teller) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (read, write) = tokio::io::split(stream);
        let (input, pieces) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicU32::new(0));
        let feeding = feed(
            stdin.then_some(write),
            pieces,
            Arc::clone(&waiting),
            teller.clone(),
        );
        let output: JoinHandle<()> = tokio::spawn({
            let teller = teller.clone();
            async move {
                if tty {
                    pass_on_raw(read, &teller).await;
                } else {
                    pass_on_frames(read, &teller).await;
                }
            }
        });
        Self {
            input,
            waiting,
            teller: teller.clone(),
            output: AbortOnDropHandle::new(output),
            _feeding: AbortOnDropHandle::new(tokio::spawn(feeding)),
            ended: false,
        }
    }

    /// Takes a frame that is about input, and returns every other one.
    pub fn take(&self, frame: ClientFrame) -> Result<Option<ClientFrame>, Overrun> {
        match frame {
            ClientFrame::Input(data) => {
                let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                let before = self.waiting.fetch_add(length, Ordering::Relaxed);
                if before as usize + data.len() > SESSION_INPUT_WINDOW_BYTES {
                    return Err(Overrun);
                }
                drop(self.input.send(Piece::Data(data)));
                Ok(None)
            }
            ClientFrame::EndOfInput => {
                drop(self.input.send(Piece::End));
                Ok(None)
            }
            other => Ok(Some(other)),
        }
    }

    /// Waits until there is no more output. Never again after that. Cancel safe.
    pub async fn ended(&mut self) {
        if self.ended {
            std::future::pending::<()>().await;
        }
        drop((&mut self.output).await);
        self.ended = true;
    }

    /// Whether [`Streams::ended`] has resolved.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        // What was not written never will be: the client may send as much to the next attachment.
        let rest = self.waiting.swap(0, Ordering::Relaxed);
        if rest > 0 {
            self.teller.taken(rest);
        }
    }
}

/// Writes input, and acknowledges it also where nobody reads it.
async fn feed<W: AsyncWrite>(
    write: Option<WriteHalf<W>>,
    mut pieces: mpsc::UnboundedReceiver<Piece>,
    waiting: Arc<AtomicU32>,
    teller: Teller,
) {
    let mut write = write;
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Data(data) => {
                if let Some(stream) = &mut write {
                    let written = async {
                        stream.write_all(&data).await?;
                        stream.flush().await
                    };
                    if written.await.is_err() {
                        write = None;
                    }
                }
                let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                // Less where it was given back already.
                let before = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                    Some(waiting.saturating_sub(length))
                });
                teller.taken(length.min(before.unwrap_or(0)));
            }
            Piece::End => {
                if let Some(stream) = &mut write {
                    drop(stream.shutdown().await);
                }
                write = None;
            }
        }
    }
}

async fn pass_on_raw<R: AsyncRead>(mut read: ReadHalf<R>, teller: &Teller) {
    let mut bytes = vec![0; READ_BYTES];
    // A broken stream ends like a finished one: whether the container goes on is asked elsewhere.
    while let Ok(length @ 1..) = read.read(&mut bytes).await {
        teller.output(AgentFrame::Stdout(bytes[..length].to_vec())).await;
    }
}

async fn pass_on_frames<R: AsyncRead>(mut read: ReadHalf<R>, teller: &Teller) {
    let mut bytes = vec![0; READ_BYTES];
    let mut decoder = LogFrameDecoder::default();
    while let Ok(length @ 1..) = read.read(&mut bytes).await {
        let mut rest = &bytes[..length];
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(piece)) => match piece.output {
                    Output::Stdout => teller.output(AgentFrame::Stdout(piece.bytes.to_vec())).await,
                    Output::Stderr => teller.output(AgentFrame::Stderr(piece.bytes.to_vec())).await,
                    Output::Engine => teller.tell(SessionEvent::Warning {
                        message: String::from_utf8_lossy(piece.bytes).trim().to_owned(),
                    }),
                },
                Ok(None) => break,
                Err(error) => {
                    let message = format!("failed to understand the container's output: {error}");
                    return teller.tell(SessionEvent::Warning { message });
                }
            }
        }
    }
}
