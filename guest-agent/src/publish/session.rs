//! What one stream to the host has told, and what is to be told next.
//!
//! The difference of the two is computed whenever something changed: a host that reads slowly makes nothing queue up,
//! and what came and went in the meantime is not told at all.

use std::collections::BTreeSet;

use protocol::{GuestListener, PublicationFrame};
use tokio::sync::watch;

use super::publications::Publications;

/// One stream's view of the register.
#[derive(Debug)]
pub struct Session {
    publications: Publications,
    number: u64,
    changes: watch::Receiver<()>,
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    ids: BTreeSet<u64>,
    listeners: Vec<GuestListener>,
}

impl Session {
    pub(super) fn new(publications: Publications, number: u64, changes: watch::Receiver<()>) -> Self {
        Self {
            publications,
            number,
            changes,
            told: None,
        }
    }

    /// Waits for what is to be told next: at first everything, at once. `None` when another session took over. Loses
    /// nothing when it is dropped early.
    pub async fn next(&mut self) -> Option<Vec<PublicationFrame>> {
        loop {
            // Before the look, so that no change falls between the two.
            self.changes.mark_unchanged();
            let frames = self.look()?;
            if !frames.is_empty() {
                return Some(frames);
            }
            self.changes.changed().await.ok()?;
        }
    }

    fn look(&mut self) -> Option<Vec<PublicationFrame>> {
        let (all, listeners) = self.publications.snapshot(self.number)?;
        let first = self.told.is_none();
        let told = self.told.get_or_insert_with(|| Told {
            ids: BTreeSet::new(),
            listeners: Vec::new(),
        });
        let ids: BTreeSet<u64> = all.iter().map(|publication| publication.id).collect();
        // What is freed comes first: the same port may be asked for again.
        let released = told
            .ids
            .difference(&ids)
            .map(|id| PublicationFrame::Released { id: *id });
        let mut frames: Vec<PublicationFrame> = released.collect();
        let asked = all
            .into_iter()
            .filter(|publication| !told.ids.contains(&publication.id));
        frames.extend(asked.map(PublicationFrame::Asked));
        if first || told.listeners != listeners {
            frames.push(PublicationFrame::Listeners(listeners.clone()));
        }
        if first {
            frames.push(PublicationFrame::Synced);
        }
        *told = Told { ids, listeners };
        Some(frames)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use protocol::{ListenerOrigin, PublicationAnswer, Transport};

    use super::*;
    use crate::publish::publications::{Asked, Held, tests::request};

    fn publish(publications: &Publications, port: u16) -> Held {
        match publications.ask(request(port), false) {
            Asked::Done(held) => held,
            other => panic!("{other:?}"),
        }
    }

    fn described(frames: Option<Vec<PublicationFrame>>) -> Vec<String> {
        let describe = |frame| match frame {
            PublicationFrame::Asked(asked) => format!("asked {} {}", asked.host.port(), asked.awaited),
            PublicationFrame::Released { id } => format!("released {id}"),
            PublicationFrame::Listeners(listeners) => format!("listeners {}", listeners.len()),
            PublicationFrame::Synced => "synced".to_owned(),
        };
        frames.unwrap().into_iter().map(describe).collect()
    }

    #[tokio::test]
    async fn next_tells_all_then_changes_and_frees_first() {
        let publications = Publications::default();
        let one = publish(&publications, 1);
        let pending = publications.ask(request(2), true);
        let mut session = publications.take_over();
        let expected = ["asked 1 false", "asked 2 true", "listeners 0", "synced"];
        assert_eq!(described(session.next().await), expected);

        drop(one);
        let _again = publish(&publications, 1);
        // Came and went unseen.
        drop(publish(&publications, 3));
        assert_eq!(described(session.next().await), ["released 1", "asked 1 false"]);

        publications.set_listeners(vec![GuestListener {
            transport: Transport::Udp,
            address: SocketAddr::from(([0, 0, 0, 0], 53)),
            origin: ListenerOrigin::HostNetwork,
        }]);
        assert_eq!(described(session.next().await), ["listeners 1"]);
        drop(pending);
        assert_eq!(described(session.next().await), ["released 2"]);
    }

    #[tokio::test]
    async fn next_of_a_session_that_was_taken_over_is_none() {
        let publications = Publications::default();
        let mut old = publications.take_over();
        old.next().await.unwrap();
        let pending = publications.ask(request(1), true);
        let waiting = async { old.next().await };
        let mut new = publications.take_over();
        assert!(waiting.await.is_none());
        // Who waited still does, and the new session tells so.
        assert_eq!(
            described(new.next().await),
            ["asked 1 true", "listeners 0", "synced"]
        );
        publications.answer(PublicationAnswer {
            id: 1,
            result: Ok(()),
        });
        let Asked::Pending(_held, answered) = pending else {
            panic!("not pending")
        };
        assert_eq!(answered.await, Ok(Ok(())));
        // What is answered is told as that to the next one.
        let mut third = publications.take_over();
        assert_eq!(described(third.next().await)[0], "asked 1 false");
    }
}
