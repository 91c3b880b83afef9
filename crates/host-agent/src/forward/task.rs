//! The one task that owns the table: its data, its loop, what it publishes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    net::SocketAddr,
    sync::Arc,
};

use protocol::{ForwardTarget, PublicationAnswer, Transport};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    RETRY,
    bound::{Bound, Serving},
    connections::Connections,
    containers::Containers,
    entry::{Entry, Origin, State, View, Why, protocol_name},
    input::Input,
    kept::Kept,
    reason::{Holder, find_owner, may_be_taken, refusal},
    way::Way,
};
use engine_proxy::rewrite::OpenOn;

/// Inputs that are taken in before the outcome is published.
const TOGETHER: usize = 64;

/// The task's data.
pub(super) struct Task {
    pub(super) way: Way,
    pub(super) open_on: OpenOn,
    pub(super) kept: Kept,
    /// Every forward, by its number. Numbers are never used again.
    pub(super) entries: BTreeMap<u64, Entry>,
    next: u64,
    /// The entries of the guest's publications.
    pub(super) published: HashMap<u64, u64>,
    /// The stream of publications that counts.
    pub(super) session: u64,
    pub(super) boot_id: Option<[u8; 16]>,
    pub(super) answers: Option<mpsc::Sender<PublicationAnswer>>,
    /// While the stream tells what there is: which publications it told so far, and whether listeners.
    pub(super) syncing: Option<(HashSet<u64>, bool)>,
    /// The engine's containers when it was last asked.
    pub(super) containers: Containers,
    /// Something was closed: what failed may be bound now.
    freed: bool,
    retry_at: Option<Instant>,
    /// One look for a port's owner at a time: each goes through all processes.
    looks: Arc<Semaphore>,
    inputs: mpsc::WeakSender<Input>,
    views: watch::Sender<Arc<[View]>>,
}

impl Task {
    pub(super) fn new(
        way: Way,
        open_on: OpenOn,
        kept: Kept,
        inputs: mpsc::WeakSender<Input>,
        views: watch::Sender<Arc<[View]>>,
    ) -> Self {
        let mut task = Self {
            way,
            open_on,
            kept,
            entries: BTreeMap::new(),
            next: 1,
            published: HashMap::new(),
            session: 0,
            boot_id: None,
            answers: None,
            syncing: None,
            containers: Containers::default(),
            freed: false,
            retry_at: None,
            looks: Arc::new(Semaphore::new(1)),
            inputs,
            views,
        };
        for live in task.kept.live.clone() {
            let target = ForwardTarget::Container {
                id: live.container.clone(),
                port: live.container_port,
            };
            let entry = Entry {
                origin: Origin::Live,
                transport: live.protocol,
                host: live.host,
                serving: task.serving(target),
                container: Some((live.container, live.name)),
                state: State::Closed(Why::MachineDown),
            };
            task.insert(entry);
        }
        task
    }

    /// Takes inputs until nobody sends any more.
    pub(super) async fn serve(mut self, mut inputs: mpsc::Receiver<Input>) {
        let mut batch = Vec::with_capacity(TOGETHER);
        loop {
            self.publish();
            let due = self.retry_at;
            tokio::select! {
                count = inputs.recv_many(&mut batch, TOGETHER) => {
                    if count == 0 {
                        return;
                    }
                    for input in batch.drain(..) {
                        self.take(input).await;
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.freed = true,
            }
            if std::mem::take(&mut self.freed) {
                self.retry();
            }
            self.plan_retry();
        }
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Connected(connected) => self.connected(connected).await,
            Input::Told { session, .. } if session != self.session => {}
            Input::Told { frame, .. } => self.told(frame).await,
            Input::Down => self.machine_down().await,
            Input::Containers(containers) => self.take_containers(containers).await,
            Input::Explained { entry, host, reason } => self.explained(entry, host, reason),
            Input::Add(add, reply) => {
                let added = self.add(add).await;
                self.answer(added, reply);
            }
            Input::Move(wanted, reply) => {
                let moved = self.move_to(wanted).await;
                self.answer(moved, reply);
            }
            Input::Remove(remove, reply) => {
                let removed = self.remove_at(remove).await;
                self.answer(removed, reply);
            }
        }
    }

    /// What a new forward's connections need.
    pub(super) fn serving(&self, target: ForwardTarget) -> Serving {
        Serving {
            way: self.way.clone(),
            target,
            connections: Connections::default(),
            aborting: CancellationToken::new(),
        }
    }

    pub(super) fn insert(&mut self, entry: Entry) -> u64 {
        let number = self.next;
        self.next += 1;
        if let State::Open(_) = entry.state {
            opened(&entry);
        }
        self.entries.insert(number, entry);
        number
    }

    /// Binds an entry's host address. What came of it is its state.
    pub(super) fn open(&mut self, number: u64) {
        let Some(entry) = self.entries.get_mut(&number) else {
            return;
        };
        match Bound::open(entry.transport, entry.host, entry.serving.clone()) {
            Ok(bound) => {
                entry.state = State::Open(bound);
                opened(entry);
            }
            Err(error) => self.failed(number, error),
        }
    }

    /// Notes that an entry could not be bound. Who has the port is found out later, where the table does not know.
    pub(super) fn failed(&mut self, number: u64, error: io::Error) {
        let Some(entry) = self.entries.get(&number) else {
            return;
        };
        let (transport, host) = (entry.transport, entry.host);
        let holder = self.holder(transport, host);
        let reason = refusal(host, &error, holder.as_ref());
        warn!(%host, protocol = protocol_name(transport), %error, "forward failed");
        if holder.is_none() && may_be_taken(&error) {
            let inputs = self.inputs.clone();
            self.explain(transport, host, error, async move |reason| {
                if let Some(inputs) = inputs.upgrade() {
                    let entry = number;
                    drop(inputs.send(Input::Explained { entry, host, reason }).await);
                }
            });
        }
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.state = State::Failed(reason);
        }
    }

    /// Passes on why a port could not be bound, when it is known who has it.
    pub(super) fn explain<F>(
        &self,
        transport: Transport,
        host: SocketAddr,
        error: io::Error,
        then: impl FnOnce(String) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        let (known, looks) = (self.holder(transport, host), Arc::clone(&self.looks));
        tokio::spawn(async move {
            let holder = match known {
                None if may_be_taken(&error) => {
                    let _one = looks.acquire().await;
                    find_owner(transport, host).await
                }
                known => known,
            };
            then(refusal(host, &error, holder.as_ref())).await;
        });
    }

    fn explained(&mut self, number: u64, host: SocketAddr, found: String) {
        if let Some(entry) = self.entries.get_mut(&number)
            && entry.host == host
            && let State::Failed(reason) = &mut entry.state
        {
            *reason = found;
        }
    }

    /// The forward that has an address.
    fn holder(&self, transport: Transport, host: SocketAddr) -> Option<Holder> {
        let holding = self.entries.values().find(|entry| entry.holds(transport, host))?;
        let name = holding.container.as_ref().map(|(_, name)| name.clone());
        Some(Holder::Forward {
            container: name.filter(|name| !name.is_empty()),
        })
    }

    /// Gives an entry another state. Resolves when a port that it had is free.
    pub(super) async fn set_state(&mut self, number: u64, state: State) {
        let Some(entry) = self.entries.get_mut(&number) else {
            return;
        };
        if let State::Open(bound) = std::mem::replace(&mut entry.state, state) {
            bound.close().await;
            self.freed = true;
        }
    }

    /// Takes an entry out. Its TCP connections go on: the guest ends them when it is time.
    pub(super) async fn forget(&mut self, number: u64) -> Option<Entry> {
        self.set_state(number, State::Closed(Why::ContainerStopped)).await;
        let entry = self.entries.remove(&number)?;
        if let Origin::Published { publication, .. } = entry.origin {
            self.published.remove(&publication);
        }
        Some(entry)
    }

    /// Tries what failed once more. A failure that lasts keeps its reason.
    fn retry(&mut self) {
        for entry in self.entries.values_mut() {
            if let State::Failed(_) = entry.state
                && let Ok(bound) = Bound::open(entry.transport, entry.host, entry.serving.clone())
            {
                entry.state = State::Open(bound);
                opened(entry);
            }
        }
        self.retry_at = None;
    }

    fn plan_retry(&mut self) {
        let any = self
            .entries
            .values()
            .any(|entry| matches!(entry.state, State::Failed(_)));
        self.retry_at = match (any, self.retry_at) {
            (false, _) => None,
            (true, Some(at)) => Some(at),
            (true, None) => Some(Instant::now() + RETRY),
        };
    }

    fn publish(&self) {
        let views: Arc<[View]> = self
            .entries
            .iter()
            .map(|(number, entry)| View {
                // The count is read by whoever looks, and changes nothing here.
                forward: api::Forward {
                    connections: 0,
                    ..entry.show(*number)
                },
                connections: entry.serving.connections.clone(),
            })
            .collect();
        self.views.send_if_modified(|published| {
            let same = published.len() == views.len()
                && published
                    .iter()
                    .zip(views.iter())
                    .all(|(old, new)| old.forward == new.forward);
            if !same {
                *published = views;
            }
            !same
        });
    }
}

fn opened(entry: &Entry) {
    let (host, protocol) = (entry.host, protocol_name(entry.transport));
    if host.ip().is_loopback() {
        tracing::debug!(%host, protocol, "forward open");
    } else {
        // Others than this host's users can reach it.
        info!(%host, protocol, "forward open beyond localhost");
    }
}
