//! The journal: what happened to each container, and why. Kept to answer "why did it stop?", also after restarts and
//! for containers that are gone.
//!
//! ```text
//!   guard, leases ─────────┐
//!   watch (engine events) ─┼─ record ──► queue ──► writer task ──► files: journal.jsonl, journal.1.jsonl
//!   machine (snapshots) ───┘                                         │
//!   server ◄── why (one sentence) ◄── resolve (which container?) ◄───┘ read on demand
//! ```
//!
//! Recording never blocks and never fails: what cannot be kept is dropped, with one warning. No secrets get in: of a
//! container there are its id, name and image, never its environment, arguments or labels.

mod entry;
mod event;
mod files;
mod from;
mod lives;
mod machine;
mod reconcile;
mod resolve;
mod watch;
mod why;
mod words;

use std::{path::Path, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use self::files::Files;
pub use self::{
    entry::{By, Entry, What, now_ms},
    resolve::{Resolved, resolve},
    watch::watch,
    why::{Subject, explain},
};

/// Entries that may wait for the disk. Those beyond are dropped.
const QUEUED: usize = 4096;
/// Entries that are written at once.
const BATCH: usize = 256;

/// Keeps entries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Message>,
    files: Arc<Files>,
}

#[derive(Debug)]
enum Message {
    Keep(Box<Entry>),
    /// Asks to be told when everything sent before is in the files.
    Flush(oneshot::Sender<()>),
}

impl Journal {
    /// Opens the journal in the state folder, and spawns its writer on the present tokio runtime. A folder that cannot
    /// be written is tried again at each entry.
    pub fn open(folder: impl AsRef<Path>) -> Self {
        let (queue, received) = mpsc::channel(QUEUED);
        let files = Arc::new(Files::in_folder(folder.as_ref()));
        tokio::spawn(write(Arc::clone(&files), received));
        Self { queue, files }
    }

    /// Keeps an entry.
    pub fn record(&self, entry: Entry) {
        if self.queue.try_send(Message::Keep(Box::new(entry))).is_err() {
            tracing::debug!("journal entry dropped, too many wait");
        }
    }

    /// Resolves when everything recorded before is in the files, or could not be kept.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            // A writer that is gone has nothing left to write.
            flushed.await.unwrap_or_default();
        }
    }

    /// Everything that is kept, in the order in which it was recorded.
    pub async fn entries(&self) -> Vec<Entry> {
        self.flush().await;
        let files = Arc::clone(&self.files);
        tokio::task::spawn_blocking(move || files.read())
            .await
            .unwrap_or_default()
    }
}

/// Writes what is sent until nobody can send any more.
async fn write(files: Arc<Files>, mut received: mpsc::Receiver<Message>) {
    let mut messages = Vec::with_capacity(BATCH);
    let mut warned = false;
    while received.recv_many(&mut messages, BATCH).await > 0 {
        let mut flushed = Vec::new();
        let mut lines = Vec::new();
        for message in messages.drain(..) {
            match message {
                Message::Keep(entry) => lines.extend(entry.to_line()),
                Message::Flush(done) => flushed.push(done),
            }
        }
        if !lines.is_empty() {
            let files = Arc::clone(&files);
            let kept = tokio::task::spawn_blocking(move || files.append(&lines)).await;
            match kept {
                Ok(Ok(())) => warned = false,
                Ok(Err(error)) if !warned => {
                    warned = true;
                    tracing::warn!(%error, "journal entries dropped");
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        for done in flushed {
            // Whoever asked may have gone.
            done.send(()).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
