//! What the guest tells: publications, listeners, and that all there is was told.

use std::{io, net::SocketAddr};

use protocol::{ForwardTarget, GuestListener, Publication, PublicationAnswer, PublicationFrame, Transport};
use tracing::debug;

use super::{
    MOST_FORWARDS,
    bound::Bound,
    entry::{Entry, Origin, State, Why},
    input::Connected,
    listeners,
    task::Task,
};

/// The most listeners that a guest may tell.
const MOST_LISTENERS: usize = 1024;

impl Task {
    pub(super) async fn connected(&mut self, connected: Connected) {
        let Connected {
            session,
            boot_id,
            answers,
        } = connected;
        // Another boot counts its publications anew.
        if self.boot_id.is_some_and(|known| known != boot_id) {
            self.forget_guest().await;
        }
        self.session = session;
        self.boot_id = Some(boot_id);
        self.answers = Some(answers);
        self.syncing = Some(Default::default());
    }

    pub(super) async fn told(&mut self, frame: PublicationFrame) {
        match frame {
            PublicationFrame::Asked(publication) => self.asked(publication).await,
            PublicationFrame::Released { id } => {
                if let Some(number) = self.published.get(&id).copied() {
                    self.forget(number).await;
                }
            }
            PublicationFrame::Listeners(listeners) => {
                if let Some((_, listeners_told)) = &mut self.syncing {
                    *listeners_told = true;
                }
                self.listeners(listeners).await;
            }
            PublicationFrame::Synced => self.synced().await,
        }
    }

    async fn synced(&mut self) {
        let Some((told, listeners_told)) = self.syncing.take() else {
            return;
        };
        let gone = self.published.iter().filter(|(id, _)| !told.contains(id));
        for number in gone.map(|(_, number)| *number).collect::<Vec<_>>() {
            self.forget(number).await;
        }
        if !listeners_told {
            self.listeners(Vec::new()).await;
        }
    }

    async fn asked(&mut self, publication: Publication) {
        let Publication {
            id,
            transport,
            host: asked,
            container,
            awaited,
        } = publication;
        if let Some((told, _)) = &mut self.syncing {
            told.insert(id);
        }
        let target = ForwardTarget::Address(container);
        let origin = Origin::Published {
            publication: id,
            asked,
        };
        if let Some(number) = self.published.get(&id).copied() {
            match self.entries.get(&number) {
                Some(known)
                    if (known.transport, &known.serving.target, &known.origin)
                        == (transport, &target, &origin) =>
                {
                    let result = match &known.state {
                        State::Failed(reason) => Err(reason.clone()),
                        State::Open(_) | State::Closed(_) => Ok(()),
                    };
                    return self.tell(id, result);
                }
                // The guest gave the number to another one.
                _ => drop(self.forget(number).await),
            }
        }
        if asked.port() == 0 || self.entries.len() >= MOST_FORWARDS {
            let reason = match asked.port() {
                0 => format!("Bind for {asked} failed: there is no port 0"),
                _ => format!(
                    "Bind for {asked} failed: there are {MOST_FORWARDS} forwards, the most there may be"
                ),
            };
            return self.tell(id, Err(reason));
        }
        let host = self.host_for(transport, asked);
        let mut entry = Entry {
            origin,
            transport,
            host,
            serving: self.serving(target),
            container: None,
            state: State::Closed(Why::ContainerStopped),
        };
        match Bound::open(transport, host, entry.serving.clone()) {
            Ok(bound) => {
                entry.state = State::Open(bound);
                self.insert_published(id, entry);
                self.tell(id, Ok(()));
            }
            // Localhost, or everything, of a family that this host has not: the other family's is what is meant.
            Err(error) if lacks_ipv6(host, &error) => {
                debug!(%host, "no IPv6 on this host");
                self.tell(id, Ok(()));
            }
            Err(error) if awaited => {
                let answers = self.answers.clone();
                self.explain(transport, host, error, async move |reason| {
                    if let Some(answers) = answers {
                        let result = Err(reason);
                        drop(answers.try_send(PublicationAnswer { id, result }));
                    }
                });
            }
            Err(error) => {
                let number = self.insert_published(id, entry);
                self.failed(number, error);
                if let Some(State::Failed(reason)) = self.entries.get(&number).map(|entry| &entry.state) {
                    let reason = reason.clone();
                    self.tell(id, Err(reason));
                }
            }
        }
    }

    fn insert_published(&mut self, id: u64, entry: Entry) -> u64 {
        let number = self.insert(entry);
        self.published.insert(id, number);
        self.identify(number);
        number
    }

    /// What to bind for a publication: what is asked, unless a user has moved that of a container that has it not bound
    /// at present. Which container asks, the engine tells only when it runs; then it is looked at again.
    fn host_for(&self, transport: Transport, asked: SocketAddr) -> SocketAddr {
        let mut moved = self.kept.moved_from(transport, asked).filter(|moved| {
            !self.entries.values().any(|entry| {
                entry.transport == transport
                    && entry.container_id() == Some(moved.container.as_str())
                    && matches!(entry.origin, Origin::Published { asked: known, .. } if known == asked)
            })
        });
        moved.next().map_or(asked, |moved| moved.to)
    }

    /// Answers a publication. A guest that reads no answers is not waited for.
    fn tell(&mut self, id: u64, result: Result<(), String>) {
        if let Some(answers) = &self.answers
            && answers.try_send(PublicationAnswer { id, result }).is_err()
        {
            debug!(id, "answer to a publication dropped");
            // Ends the stream; the next one tells everything anew.
            self.answers = None;
        }
    }

    async fn listeners(&mut self, mut told: Vec<GuestListener>) {
        told.truncate(MOST_LISTENERS);
        let mut wanted = listeners::wanted(&told, self.open_on);
        let mut gone = Vec::new();
        for (number, entry) in &self.entries {
            let Origin::Listener(origin) = entry.origin else {
                continue;
            };
            let endpoint = (entry.transport, entry.host);
            match wanted.get(&endpoint) {
                Some(wish)
                    if wish.origin == origin
                        && entry.serving.target == ForwardTarget::Address(wish.target) =>
                {
                    wanted.remove(&endpoint);
                }
                _ => gone.push(*number),
            }
        }
        for number in gone {
            self.forget(number).await;
        }
        for ((transport, host), wish) in wanted {
            if self.entries.len() >= MOST_FORWARDS {
                return debug!("listeners left out: there are too many forwards");
            }
            let entry = Entry {
                origin: Origin::Listener(wish.origin),
                transport,
                host,
                serving: self.serving(ForwardTarget::Address(wish.target)),
                container: None,
                state: State::Closed(Why::MachineDown),
            };
            match Bound::open(transport, host, entry.serving.clone()) {
                Err(error) if lacks_ipv6(host, &error) => {}
                Err(error) => {
                    let number = self.insert(entry);
                    self.failed(number, error);
                }
                Ok(bound) => {
                    self.insert(Entry {
                        state: State::Open(bound),
                        ..entry
                    });
                }
            }
        }
    }

    /// The machine is down: its containers with it.
    pub(super) async fn machine_down(&mut self) {
        self.forget_guest().await;
        (self.boot_id, self.answers, self.syncing) = (None, None, None);
        // Nothing that its streams told before counts any more.
        self.session = u64::MAX;
        let live = self.entries.keys().copied();
        for number in live.collect::<Vec<_>>() {
            self.set_state(number, State::Closed(Why::MachineDown)).await;
        }
    }

    async fn forget_guest(&mut self) {
        let of_the_guest = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.origin != Origin::Live);
        for number in of_the_guest.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.forget(number).await;
        }
    }
}

/// Whether a host without IPv6 was asked for its localhost, or for all its addresses.
pub(super) fn lacks_ipv6(host: SocketAddr, error: &io::Error) -> bool {
    host.is_ipv6()
        && (host.ip().is_loopback() || host.ip().is_unspecified())
        && platform::is_no_address(error)
}
