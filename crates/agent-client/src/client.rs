//! Calls with an answer.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use link::{Lane, Link};
use protocol::{Event, Facts, HostFrame, LinkPort, Reply, Request, encode};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    AgentClientError,
    session::{self, Pending},
};

/// How long the guest may take to answer. Generous: under plain emulation everything is slow.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Frames that may wait for a slow link before callers wait too.
const QUEUED_FRAMES: usize = 32;

/// Calls the guest agent. Cheap to clone; the connection ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct AgentClient {
    link: Link,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pending: Arc<Pending>,
    frames: mpsc::Sender<Vec<u8>>,
    next_id: AtomicU32,
    lost: CancellationToken,
    boot_id: OnceLock<[u8; 16]>,
    /// Ends both tasks with the last client.
    _end: DropGuard,
}

impl AgentClient {
    /// Dials the control stream and asks for [`Facts`], from where on events follow. The events end when the
    /// connection does.
    pub async fn connect(
        link: &Link,
    ) -> Result<(Self, Facts, mpsc::UnboundedReceiver<Event>), AgentClientError> {
        let stream = link
            .dial(Lane::Control, LinkPort::CONTROL.0)
            .await
            .map_err(|source| AgentClientError::Dial {
                service: "agent",
                source,
            })?;
        let (read, write) = tokio::io::split(stream);
        let (events, received) = mpsc::unbounded_channel();
        let (frames, queued) = mpsc::channel(QUEUED_FRAMES);
        let pending = Arc::new(Pending::new());
        let lost = CancellationToken::new();
        tokio::spawn({
            let (pending, lost) = (Arc::clone(&pending), lost.clone());
            async move { session::read(read, &pending, events, lost).await }
        });
        tokio::spawn(session::write(write, queued, lost.clone()));
        let end = lost.clone().drop_guard();
        let shared = Shared {
            pending,
            frames,
            next_id: AtomicU32::new(1),
            lost,
            boot_id: OnceLock::new(),
            _end: end,
        };
        let client = Self {
            link: link.clone(),
            shared: Arc::new(shared),
        };
        let facts = client.facts().await?;
        client.shared.boot_id.get_or_init(|| facts.boot_id);
        Ok((client, facts, received))
    }

    /// Asks one thing and waits for its answer, at most 30 s. Fails at once when the connection is lost.
    pub async fn call(&self, request: Request) -> Result<Reply, AgentClientError> {
        let name = name(&request);
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let frame = encode(&HostFrame { id, request }).map_err(|source| AgentClientError::Encode {
            request: name,
            source,
        })?;
        let answer = self.shared.pending.enter(id).ok_or(AgentClientError::Lost)?;
        // Given up calls must not stay in the table.
        let _entry = Entry {
            pending: &self.shared.pending,
            id,
        };
        let exchange = async {
            self.shared
                .frames
                .send(frame)
                .await
                .map_err(|_| AgentClientError::Lost)?;
            answer.await.map_err(|_| AgentClientError::Lost)
        };
        let timeout = |_| AgentClientError::Timeout {
            request: name,
            limit_s: CALL_LIMIT.as_secs(),
        };
        tokio::time::timeout(CALL_LIMIT, exchange)
            .await
            .map_err(timeout)??
            .map_err(|source| AgentClientError::Refused {
                request: name,
                source,
            })
    }

    /// Asks for everything the agent knows.
    pub async fn facts(&self) -> Result<Facts, AgentClientError> {
        match self.call(Request::Facts).await? {
            Reply::Facts(facts) => Ok(facts),
            _ => Err(AgentClientError::Unexpected {
                request: name(&Request::Facts),
            }),
        }
    }

    /// The number of the guest's boot, from the first [`Facts`].
    pub fn boot_id(&self) -> [u8; 16] {
        self.shared.boot_id.get().copied().unwrap_or_default()
    }

    /// Resolves when the connection is lost.
    pub async fn closed(&self) {
        self.shared.lost.cancelled().await;
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }
}

struct Entry<'a> {
    pending: &'a Pending,
    id: u32,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        drop(self.pending.take(self.id));
    }
}

pub(crate) fn name(request: &Request) -> &'static str {
    match request {
        Request::Facts => "facts",
        Request::SetTime { .. } => "set time",
        Request::Shutdown { .. } => "shutdown",
        Request::GrowDataDisk => "grow data disk",
        Request::RestartEngine => "restart engine",
        Request::Trim => "trim",
        Request::ResizeShell { .. } => "resize shell",
        Request::Process { .. } => "process",
        Request::EndProcess { .. } => "end process",
        Request::SetShares { .. } => "set shares",
        Request::SetNetwork(_) => "set network",
    }
}
