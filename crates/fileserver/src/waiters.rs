//! Requests that wait for a lock, without a thread.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// More of them are refused with `ENOLCK`.
const MOST: usize = 1024;

/// All that wait, by their request's number.
#[derive(Default)]
pub struct Waiters {
    waiting: Mutex<HashMap<u64, Arc<Notify>>>,
    released: Notify,
}

/// One that waits, or may have to.
pub struct Ticket {
    unique: u64,
    interrupted: Arc<Notify>,
    waiters: Arc<Waiters>,
}

impl Waiters {
    /// Notes a request that may have to wait; none when there are too many, or one of that number.
    pub fn enter(self: &Arc<Self>, unique: u64) -> Option<Ticket> {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST || waiting.contains_key(&unique) {
            return None;
        }
        let interrupted = Arc::new(Notify::new());
        waiting.insert(unique, Arc::clone(&interrupted));
        Some(Ticket {
            unique,
            interrupted,
            waiters: Arc::clone(self),
        })
    }

    /// The asker gave up. It counts even when the request does not wait yet.
    pub fn interrupt(&self, unique: u64) {
        if let Some(interrupted) = self.waiting().get(&unique) {
            interrupted.notify_one();
        }
    }

    /// Somebody in the guest gave a lock back.
    pub fn released(&self) {
        self.released.notify_waiters();
    }

    pub async fn any_released(&self) {
        self.released.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    pub async fn interrupted(&self) {
        self.interrupted.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiters.waiting().remove(&self.unique);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn interrupt_before_the_wait_is_not_lost() {
        let waiters = Arc::new(Waiters::default());
        let ticket = waiters.enter(7).unwrap();
        waiters.interrupt(7);
        ticket.interrupted().await;
    }

    #[test]
    fn enter_is_bounded_and_a_drop_makes_room() {
        let waiters = Arc::new(Waiters::default());
        let mut tickets: Vec<_> = (0..MOST as u64)
            .map(|unique| waiters.enter(unique).unwrap())
            .collect();
        assert!(waiters.enter(MOST as u64).is_none());
        tickets.pop();
        assert!(waiters.enter(0).is_none());
        assert!(waiters.enter(MOST as u64).is_some());
    }
}
