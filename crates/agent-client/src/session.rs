//! The two tasks of a control stream.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::{AgentError, Event, FrameDecoder, GuestFrame, Reply};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// A reply as the guest sent it.
pub(crate) type Answer = Result<Reply, AgentError>;

/// Calls under way. `None` once the stream is lost, so that nobody waits for an answer that cannot come.
#[derive(Debug)]
pub(crate) struct Pending(Mutex<Option<HashMap<u32, oneshot::Sender<Answer>>>>);

impl Pending {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }

    /// Enters a call. `None` when the stream is lost.
    pub(crate) fn enter(&self, id: u32) -> Option<oneshot::Receiver<Answer>> {
        let (sender, receiver) = oneshot::channel();
        self.lock().as_mut()?.insert(id, sender);
        Some(receiver)
    }

    /// Takes a call out, answered or given up.
    pub(crate) fn take(&self, id: u32) -> Option<oneshot::Sender<Answer>> {
        self.lock().as_mut()?.remove(&id)
    }

    /// Fails every call under way and every later one.
    fn close(&self) {
        drop(self.lock().take());
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u32, oneshot::Sender<Answer>>>> {
        // Nothing panics while the lock is held, and the map is whole after each line.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads frames until the stream ends, then fails everything and says so through `lost`.
pub(crate) async fn read<R: AsyncRead + Unpin>(
    mut stream: R,
    pending: &Pending,
    events: mpsc::UnboundedSender<Event>,
    lost: CancellationToken,
) {
    tokio::select! {
        () = read_frames(&mut stream, pending, &events) => {}
        () = lost.cancelled() => {}
    }
    pending.close();
    lost.cancel();
}

async fn read_frames<R: AsyncRead + Unpin>(
    stream: &mut R,
    pending: &Pending,
    events: &mpsc::UnboundedSender<Event>,
) {
    let mut decoder = FrameDecoder::<GuestFrame>::default();
    let mut bytes = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut bytes).await {
            Ok(0) => return debug!("control stream ended"),
            Ok(length) => decoder.push(&bytes[..length]),
            Err(error) => return debug!(%error, "control stream lost"),
        }
        loop {
            match decoder.next_message() {
                Ok(None) => break,
                Ok(Some(frame)) => dispatch(frame, pending, events),
                Err(error) => return warn!(%error, "control stream carries garbage"),
            }
        }
    }
}

fn dispatch(frame: GuestFrame, pending: &Pending, events: &mpsc::UnboundedSender<Event>) {
    match frame {
        GuestFrame::Reply { id, result } => match pending.take(id) {
            // The caller may have gone; its answer then has nowhere to go.
            Some(caller) => drop(caller.send(result)),
            None => debug!(id, "reply to no call"),
        },
        // Nobody listens to events any more; replies still matter.
        GuestFrame::Event(event) => drop(events.send(event)),
    }
}

/// Writes frames until the client is dropped or the stream is lost.
pub(crate) async fn write<W: AsyncWrite + Unpin>(
    mut stream: W,
    mut frames: mpsc::Receiver<Vec<u8>>,
    lost: CancellationToken,
) {
    let writing = async {
        while let Some(frame) = frames.recv().await {
            let written = async {
                stream.write_all(&frame).await?;
                stream.flush().await
            };
            if let Err(error) = written.await {
                return debug!(%error, "control stream lost");
            }
        }
        if let Err(error) = stream.shutdown().await {
            debug!(%error, "control stream lost");
        }
    };
    tokio::select! {
        () = writing => {}
        () = lost.cancelled() => {}
    }
    lost.cancel();
}
