//! The register of what is published, and of what listens without having been published. The host is told by a
//! [`Session`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use protocol::{GuestListener, Publication, PublicationAnswer, Transport};
use tokio::sync::{oneshot, watch};

use super::{handover::Answer, request::Request, session::Session};

/// Each is a process and two open files; a range of ports is that many publications. Twice as many for both localhosts.
const MAX_PUBLICATIONS: usize = 4096;
/// As many listeners as the host is told of.
const MAX_LISTENERS: usize = 1024;

/// The register. Clones share it.
#[derive(Clone, Debug)]
pub struct Publications {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told after each change.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// The last number given to a publication or to who holds one.
    last_number: u64,
    entries: BTreeMap<u64, Entry>,
    listeners: Vec<GuestListener>,
    sessions: u64,
}

#[derive(Debug)]
struct Entry {
    request: Request,
    /// Who waits for the host's answer.
    waiting: Option<oneshot::Sender<Answer>>,
    /// The number of who holds it. One that was orphaned is held by the next who asks for the same.
    holder: u64,
    orphaned: bool,
}

/// A publication, held. Dropping it releases it.
#[derive(Debug)]
pub struct Held {
    publications: Publications,
    id: u64,
    holder: u64,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Asked {
    /// The host answers.
    Pending(Held, oneshot::Receiver<Answer>),
    /// It counts as done at once.
    Done(Held),
    /// There are too many.
    Refused(String),
}

impl Default for Publications {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: watch::Sender::new(()),
            }),
        }
    }
}

impl Publications {
    /// Takes a request in. `awaited`: its failure should fail the start of the container.
    pub fn ask(&self, request: Request, awaited: bool) -> Asked {
        let mut state = self.state();
        state.last_number += 1;
        let number = state.last_number;
        let orphan = state
            .entries
            .iter_mut()
            .find(|(_, entry)| entry.orphaned && entry.request == request);
        if let Some((id, entry)) = orphan {
            (entry.holder, entry.orphaned) = (number, false);
            let id = *id;
            drop(state);
            return Asked::Done(self.held(id, number));
        }
        if state.entries.len() >= MAX_PUBLICATIONS {
            return Asked::Refused(format!(
                "{MAX_PUBLICATIONS} ports are published, and no machine takes more: stop containers, or publish fewer ports"
            ));
        }
        let (answer, answered) = oneshot::channel();
        let entry = Entry {
            request,
            waiting: awaited.then_some(answer),
            holder: number,
            orphaned: false,
        };
        state.entries.insert(number, entry);
        drop(state);
        self.tell();
        let held = self.held(number, number);
        if awaited {
            Asked::Pending(held, answered)
        } else {
            Asked::Done(held)
        }
    }

    /// Takes the host's answer in.
    pub fn answer(&self, PublicationAnswer { id, result }: PublicationAnswer) {
        let waiting = self
            .state()
            .entries
            .get_mut(&id)
            .and_then(|entry| entry.waiting.take());
        match (waiting, result) {
            (Some(waiting), result) => {
                tracing::info!(id, bound = result.is_ok(), "publication answered");
                // Who waited may have given up just now, and then frees it.
                let _ = waiting.send(result);
            }
            (None, Err(reason)) => tracing::info!(id, reason, "publication failed and nobody waits for it"),
            (None, Ok(())) => {}
        }
    }

    /// Notes everything that listens without having been published.
    pub fn set_listeners(&self, mut listeners: Vec<GuestListener>) {
        listeners.sort_unstable();
        listeners.dedup();
        listeners.truncate(MAX_LISTENERS);
        if std::mem::replace(&mut self.state().listeners, listeners.clone()) != listeners {
            tracing::info!(count = listeners.len(), "unpublished listeners changed");
            self.tell();
        }
    }

    /// Whether a port is published on any address.
    pub fn has(&self, transport: Transport, port: u16) -> bool {
        let is = |request: &Request| request.transport == transport && request.host.port() == port;
        self.state().entries.values().any(|entry| is(&entry.request))
    }

    /// Begins to tell the host. An earlier session ends.
    pub fn take_over(&self) -> Session {
        let changes = self.shared.changed.subscribe();
        let mut state = self.state();
        state.sessions += 1;
        let number = state.sessions;
        drop(state);
        self.tell();
        Session::new(self.clone(), number, changes)
    }

    /// All publications in the order of their ids, and the listeners. `None` for a session that was taken over.
    pub(super) fn snapshot(&self, session: u64) -> Option<(Vec<Publication>, Vec<GuestListener>)> {
        let state = self.state();
        (state.sessions == session).then(|| {
            let all = state.entries.iter().map(|(id, entry)| entry.publication(*id));
            (all.collect(), state.listeners.clone())
        })
    }

    fn release(&self, id: u64, holder: u64) {
        let mut state = self.state();
        if state.entries.get(&id).is_some_and(|entry| entry.holder == holder) {
            state.entries.remove(&id);
            drop(state);
            self.tell();
        }
    }

    fn held(&self, id: u64, holder: u64) -> Held {
        Held {
            publications: self.clone(),
            id,
            holder,
        }
    }

    fn tell(&self) {
        self.shared.changed.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each step under the lock leaves it whole.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn publication(&self, id: u64) -> Publication {
        let Request {
            transport,
            host,
            container,
        } = self.request;
        Publication {
            id,
            transport,
            host,
            container,
            awaited: self.waiting.is_some(),
        }
    }
}

impl Held {
    /// Lets the next who asks for the same have it.
    pub fn orphan(&self) {
        let mut state = self.publications.state();
        if let Some(entry) = state.entries.get_mut(&self.id)
            && entry.holder == self.holder
        {
            entry.orphaned = true;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.publications.release(self.id, self.holder);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::SocketAddr;

    use protocol::ListenerOrigin;

    use super::*;

    pub fn request(port: u16) -> Request {
        Request {
            transport: Transport::Tcp,
            host: SocketAddr::from(([127, 0, 0, 1], port)),
            container: SocketAddr::from(([172, 17, 0, 2], 80)),
        }
    }

    fn ids(publications: &Publications) -> Vec<u64> {
        let session = publications.state().sessions;
        let (all, _) = publications.snapshot(session).unwrap();
        all.iter().map(|publication| publication.id).collect()
    }

    #[test]
    fn answer_reaches_who_waits_and_nobody_else() {
        let publications = Publications::default();
        let Asked::Pending(held, mut answered) = publications.ask(request(1), true) else {
            panic!("not pending")
        };
        let answer = |id, result| publications.answer(PublicationAnswer { id, result });
        answer(held.id + 7, Ok(()));
        assert!(answered.try_recv().is_err());
        answer(held.id, Err("no".to_owned()));
        answer(held.id, Ok(()));
        assert_eq!(answered.try_recv(), Ok(Err("no".to_owned())));
        drop(held);
        assert!(ids(&publications).is_empty());
    }

    #[test]
    fn ask_not_awaited_is_done_at_once() {
        let publications = Publications::default();
        let asked = publications.ask(request(1), false);
        assert!(matches!(asked, Asked::Done(_)), "{asked:?}");
        assert!(publications.has(Transport::Tcp, 1));
        assert!(!publications.has(Transport::Udp, 1) && !publications.has(Transport::Tcp, 2));
    }

    #[test]
    fn ask_for_an_orphan_adopts_it_and_its_old_holder_frees_nothing() {
        let publications = Publications::default();
        let Asked::Done(old) = publications.ask(request(1), false) else {
            panic!("not done")
        };
        let before = ids(&publications);
        assert!(
            matches!(publications.ask(request(1), true), Asked::Pending(..)),
            "it was held"
        );
        old.orphan();
        assert!(
            matches!(publications.ask(request(2), true), Asked::Pending(..)),
            "another port"
        );
        let Asked::Done(new) = publications.ask(request(1), true) else {
            panic!("not adopted")
        };
        drop(old);
        assert_eq!(ids(&publications), before);
        drop(new);
        assert!(ids(&publications).is_empty());
    }

    #[test]
    fn ask_beyond_the_limit_is_refused_until_one_is_free() {
        let publications = Publications::default();
        let mut all: Vec<Asked> = (0..MAX_PUBLICATIONS)
            .map(|_| publications.ask(request(1), true))
            .collect();
        let Asked::Refused(reason) = publications.ask(request(1), true) else {
            panic!("not refused")
        };
        assert!(
            reason.contains("4096") && reason.contains("stop containers"),
            "{reason}"
        );
        all.pop();
        assert!(matches!(publications.ask(request(1), true), Asked::Pending(..)));
    }

    #[test]
    fn set_listeners_sorts_and_limits() {
        let publications = Publications::default();
        let listener = |port| GuestListener {
            transport: Transport::Tcp,
            address: SocketAddr::from(([0, 0, 0, 0], port)),
            origin: ListenerOrigin::HostNetwork,
        };
        publications.set_listeners((0..2000).rev().chain(0..10).map(listener).collect());
        let (_, told) = publications.snapshot(0).unwrap();
        assert_eq!(told, (0..1024).map(listener).collect::<Vec<_>>());
    }
}
