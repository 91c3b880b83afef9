//! Events for the API's listeners: numbered, and the last ones kept so that a listener can go on where it was.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use api::ApiEvent;
use tokio::sync::watch;

/// How many events are kept.
const KEPT: usize = 256;

/// The feed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventFeed {
    kept: Arc<Mutex<VecDeque<(u64, ApiEvent)>>>,
    /// The newest id.
    newest: watch::Sender<u64>,
}

/// What a listener that has seen `after` gets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next event.
    Event(u64, ApiEvent),
    /// Events were missed; it goes on after this id.
    Missed(u64),
    /// Nothing yet.
    Nothing,
}

impl Default for EventFeed {
    fn default() -> Self {
        Self {
            kept: Arc::default(),
            newest: watch::Sender::new(0),
        }
    }
}

impl EventFeed {
    /// Adds an event.
    pub fn push(&self, event: ApiEvent) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let id = *self.newest.borrow() + 1;
        kept.push_back((id, event));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        self.newest.send_replace(id);
    }

    /// The newest id, now and later.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// What comes after `after`.
    pub fn next(&self, after: u64) -> Next {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = *self.newest.borrow();
        match kept.iter().find(|(id, _)| *id > after) {
            // An id of another life of the host agent may lie in the future.
            _ if after > newest => Next::Missed(newest),
            Some((id, event)) if *id == after + 1 => Next::Event(*id, event.clone()),
            Some(_) => Next::Missed(newest),
            None => Next::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: usize) -> ApiEvent {
        ApiEvent::Notice {
            message: number.to_string(),
            hint: None,
        }
    }

    #[test]
    fn listener_goes_on_where_it_was_or_learns_that_it_missed_some() {
        let feed = EventFeed::default();
        assert_eq!(feed.next(0), Next::Nothing);
        assert_eq!(feed.next(7), Next::Missed(0));
        for number in 1..=KEPT + 10 {
            feed.push(event(number));
        }
        let newest = KEPT as u64 + 10;
        assert_eq!(feed.next(3), Next::Missed(newest));
        assert_eq!(feed.next(10), Next::Event(11, event(11)));
        assert_eq!(feed.next(newest), Next::Nothing);
    }
}
