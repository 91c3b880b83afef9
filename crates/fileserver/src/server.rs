//! A share at one end of a stream.
//!
//! ```text
//!   stream ─► reader ─┬─ FORGET, INTERRUPT: done at once                      ┌─► writer ─► stream
//!                     └─ else: a permit, a thread, Session::answer ─► answers ┤
//!                          └─ a lock that must wait: gives its thread back ─► ┘◄─ notifications of host changes
//! ```
//!
//! A permit is held from before a request's body is read until its answer was written: what is in memory is bounded by
//! the permits, and so are the threads. When all are taken nothing more is read, and the guest waits.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};

use crate::{
    CacheTimes, Errno, Name, ShareOptions, Volume,
    abi::{InHeader, LkIn, opcode},
    invalidation::{self, Changes},
    negotiation,
    replay::{self, Change},
    reply::{self, Body},
    request::{self, HEADER_BYTES, Notice, Operation},
    session::Session,
    waiters::{Ticket, Waiters},
};

/// Answers that may wait for the writer.
const QUEUED_ANSWERS: usize = 16;
/// How often a lock that waits is tried: nobody tells when a program on the host gives one back.
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// Why serving a stream ended before the stream did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The stream failed.
    #[error("failed to read a request from the guest")]
    Read {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The stream failed.
    #[error("failed to write an answer to the guest")]
    Write {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What came is no FUSE request, so nothing behind it is one either.
    #[error("the guest sent a request of a length that none can have")]
    Malformed,
}

/// Serves one share.
pub struct FileServer<V: Volume> {
    pub(crate) session: Arc<Session<V>>,
    changes: Arc<Changes>,
    waiters: Arc<Waiters>,
    room: Arc<Semaphore>,
}

/// An answer or notification on its way, with what it holds until it has gone.
struct Message {
    bytes: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<V: Volume> FileServer<V> {
    /// A server of this folder. Fails when the folder cannot be looked at.
    pub fn new(volume: V, options: ShareOptions) -> Result<Self, Errno> {
        let room = Arc::new(Semaphore::new(
            options.requests_at_once.clamp(1, Semaphore::MAX_PERMITS),
        ));
        let session = Arc::new(Session::new(volume, options)?);
        Ok(Self {
            session,
            changes: Arc::default(),
            waiters: Arc::default(),
            room,
        })
    }

    /// Serves a stream until it ends.
    ///
    /// After the end another stream may go on where this one stopped: the guest's mount keeps its nodes and open files,
    /// and only loses what was not answered. Serve one stream at a time.
    pub async fn serve<S>(&self, stream: S) -> Result<(), ServeError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let (reader, writer) = tokio::io::split(stream);
        let (answers, queue) = mpsc::channel(QUEUED_ANSWERS);
        let result = tokio::select! {
            result = self.read(reader, answers.clone()) => result,
            result = write(writer, queue) => result,
            () = self.notify(answers) => Ok(()),
        };
        self.session.replays().detach();
        // Notifications may have been lost with the stream.
        self.changes.note_everything();
        result
    }

    /// Something at this place below the share changed on the host. Cheap; may be called for what changed not.
    pub fn note_change(&self, names: Vec<Name>) {
        // A notification about a hidden place would say that there is one.
        if !self.session.hidden().covers(&names) {
            self.changes.note(names);
        }
    }

    /// Something changed on the host, as a watch tells it: like [`FileServer::note_change`], and programs that watch files
    /// in the guest hear of it.
    pub(crate) fn note_host_change(&self, change: Change) {
        if self.session.hidden().covers(&change.path) {
            return;
        }
        let names = change.path.clone();
        let changes = &self.changes;
        let dropped = self
            .session
            .replays()
            .note(&self.session, change, || changes.note(names));
        if dropped > 0 {
            self.changes.note_everything();
        }
    }

    /// Something at this place changed, was made or removed: what, is seen by what is there now.
    pub(crate) fn note_unclear_change(&self, path: Vec<Name>) {
        if !self.session.hidden().covers(&path) {
            let kind = replay::guess(&self.session, &path);
            self.note_host_change(Change { kind, path });
        }
    }

    /// Changes happened that nobody heard of.
    pub(crate) fn note_unheard(&self) {
        self.session.replays().note_lost(1);
        self.changes.note_everything();
    }

    /// How many changes on the host programs that watch files in the guest were never told of.
    pub fn lost_replays(&self) -> u64 {
        self.session.replays().lost()
    }

    /// Anything may have changed on the host.
    pub fn note_any_change(&self) {
        self.changes.note_everything();
    }

    /// For how long the guest may believe what it is told from now on.
    pub fn set_cache(&self, cache: CacheTimes) {
        self.session.set_cache(cache);
    }

    /// The times that the server was made with.
    pub(crate) fn first_cache(&self) -> CacheTimes {
        self.session.options().cache
    }

    async fn read<R: AsyncRead>(
        &self,
        mut reader: ReadHalf<R>,
        answers: mpsc::Sender<Message>,
    ) -> Result<(), ServeError> {
        let failed = |source| ServeError::Read { source };
        let mut head = [0; HEADER_BYTES];
        loop {
            if reader.read(&mut head[..1]).await.map_err(failed)? == 0 {
                return Ok(());
            }
            reader.read_exact(&mut head[1..]).await.map_err(failed)?;
            let header = request::header(&head).ok_or(ServeError::Malformed)?;
            let is_notice = request::is_notice(&header);
            let permit = if is_notice {
                None
            } else {
                Arc::clone(&self.room).acquire_owned().await.ok()
            };
            let mut body = vec![0; header.len as usize - HEADER_BYTES];
            reader.read_exact(&mut body).await.map_err(failed)?;
            if is_notice {
                self.take_notice(&header, &body).await;
            } else {
                self.start(header, body, permit, answers.clone());
            }
        }
    }

    async fn take_notice(&self, header: &InHeader, body: &[u8]) {
        match request::notice(header, body) {
            Some(Notice::Forget(forgotten)) => {
                let session = Arc::clone(&self.session);
                // Closing many files may wait for the host.
                let closing = tokio::task::spawn_blocking(move || {
                    let tables = session.tables();
                    for one in forgotten {
                        tables.nodes.forget(one.nodeid, one.nlookup);
                    }
                });
                let _ = closing.await;
            }
            // Only waiting for a lock takes long enough to be interrupted; all else is answered in its time.
            Some(Notice::Interrupt(unique)) => self.waiters.interrupt(unique),
            Some(Notice::Adopt { nodeid, names }) => {
                let session = Arc::clone(&self.session);
                let place = names.clone();
                let adopting = tokio::task::spawn_blocking(move || session.adopt(nodeid, &place));
                match adopting.await {
                    // Nobody told the guest what became of it meanwhile.
                    Ok(Ok(())) => self.changes.note(names),
                    Ok(Err(errno)) => {
                        tracing::debug!(%errno, "a node of an earlier server is not there any more")
                    }
                    Err(_) => {}
                }
            }
            Some(Notice::Replayer { thread }) => self.session.replays().attach(thread),
            Some(Notice::Replayed { number, errno }) => self.session.replays().replayed(number, errno),
            None => tracing::debug!(opcode = header.opcode, "ignored a malformed notice of the guest"),
        }
    }

    /// Works on a request on a thread of its own.
    fn start(
        &self,
        header: InHeader,
        body: Vec<u8>,
        permit: Option<OwnedSemaphorePermit>,
        answers: mpsc::Sender<Message>,
    ) {
        // Before anything that comes behind it on the stream is read: that may be its interruption.
        let ticket = (header.opcode == opcode::SETLKW)
            .then(|| self.waiters.enter(header.unique))
            .flatten();
        let mut answering = Answering {
            unique: header.unique,
            answers,
            permit,
            behind: Vec::new(),
            is_done: false,
        };
        let session = Arc::clone(&self.session);
        let waiters = Arc::clone(&self.waiters);
        tokio::task::spawn_blocking(move || {
            let operation = request::operation(&header, &body);
            let waiting = match &operation {
                Ok(Operation::Lock { input, wait: true }) => Some(*input),
                _ => None,
            };
            let expires_names =
                matches!(&operation, Ok(Operation::Init(input)) if negotiation::can_expire_names(input));
            let answer = operation.and_then(|operation| session.answer(header, operation));
            if expires_names && answer.is_ok() {
                answering.behind = reply::expire_all_names();
            }
            if answer.is_ok() && may_release_a_lock(&header) {
                waiters.released();
            }
            match (answer, waiting, ticket) {
                (Err(Errno::AGAIN), Some(input), Some(ticket)) => {
                    drop(body);
                    answering.permit = None;
                    tokio::spawn(wait_for_lock(session, waiters, ticket, header, input, answering));
                }
                (Err(Errno::AGAIN), Some(_), None) => answering.send(Err(Errno::NOLCK)),
                (answer, ..) => answering.send(answer),
            }
        });
    }

    /// Tells the guest what changed on the host, for as long as the stream lasts.
    async fn notify(&self, answers: mpsc::Sender<Message>) {
        loop {
            tokio::select! {
                () = self.changes.ready() => {}
                () = self.session.replays().ready() => {}
            }
            let session = Arc::clone(&self.session);
            let changes = Arc::clone(&self.changes);
            let looked_up = tokio::task::spawn_blocking(move || {
                // First the replay is taken: what invalidates its names is among the changes then, and goes before.
                let replay = session.replays().take();
                let mut messages = invalidation::notifications(&session, changes.take());
                if let Some(replay) = replay {
                    messages.extend(session.replays().messages(&session, replay));
                }
                messages
            });
            for bytes in looked_up.await.unwrap_or_default() {
                if answers.send(Message { bytes, _permit: None }).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Tries again until the lock is had, the asker gives up or the stream ends.
async fn wait_for_lock<V: Volume>(
    session: Arc<Session<V>>,
    waiters: Arc<Waiters>,
    ticket: Ticket,
    header: InHeader,
    input: LkIn,
    mut answering: Answering,
) {
    loop {
        tokio::select! {
            () = ticket.interrupted() => return answering.send_soon(Err(Errno::INTR)).await,
            () = answering.answers.closed() => return,
            () = waiters.any_released() => {}
            () = tokio::time::sleep(LOCK_RETRY) => {}
        }
        let session = Arc::clone(&session);
        let tried = tokio::task::spawn_blocking(move || {
            session.answer(header, Operation::Lock { input, wait: true })
        });
        match tried.await.unwrap_or(Err(Errno::IO)) {
            Err(Errno::AGAIN) => {}
            answer => return answering.send_soon(answer).await,
        }
    }
}

fn may_release_a_lock(header: &InHeader) -> bool {
    matches!(
        header.opcode,
        opcode::FLUSH | opcode::RELEASE | opcode::SETLK | opcode::SETLKW
    )
}

async fn write<W: AsyncWrite>(
    mut writer: WriteHalf<W>,
    mut queue: mpsc::Receiver<Message>,
) -> Result<(), ServeError> {
    let failed = |source| ServeError::Write { source };
    while let Some(message) = queue.recv().await {
        writer.write_all(&message.bytes).await.map_err(failed)?;
        drop(message);
        if queue.is_empty() {
            writer.flush().await.map_err(failed)?;
        }
    }
    Ok(())
}

/// A request that will be answered, even by a thread that panics: the asker in the guest would wait for ever.
struct Answering {
    unique: u64,
    answers: mpsc::Sender<Message>,
    permit: Option<OwnedSemaphorePermit>,
    /// A notification that goes right behind the answer.
    behind: Vec<u8>,
    is_done: bool,
}

impl Answering {
    /// From a thread that may wait.
    fn send(&mut self, answer: Result<Body, Errno>) {
        let message = self.message(answer);
        // A stream that ended needs no answers.
        let _ = self.answers.blocking_send(message);
    }

    /// From a task.
    async fn send_soon(&mut self, answer: Result<Body, Errno>) {
        let message = self.message(answer);
        let _ = self.answers.send(message).await;
    }

    fn message(&mut self, answer: Result<Body, Errno>) -> Message {
        self.is_done = true;
        let mut bytes = reply::answer(self.unique, answer);
        bytes.append(&mut self.behind);
        Message {
            bytes,
            _permit: self.permit.take(),
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.is_done && std::thread::panicking() {
            let message = self.message(Err(Errno::IO));
            let _ = self.answers.try_send(message);
        }
    }
}
