//! Callers who wait for an outcome.
//!
//! An outcome is settled first and told after the state that belongs to it was published, so that a caller who looks
//! sees what it was told.

use api::{ApiError, Code};
use tokio::sync::oneshot;

/// Where a caller gets the outcome. A dropped one is a caller who has gone.
pub(super) type Reply = oneshot::Sender<Result<(), ApiError>>;

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The machine is ready.
    Up,
    /// It is down.
    Down,
    /// Its CPUs stand still.
    Paused,
    /// Its CPUs go on.
    Resumed,
}

/// Callers and their goals.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: Vec<(Goal, Reply)>,
    settled: Vec<(Reply, Result<(), ApiError>)>,
}

impl Waiters {
    pub(super) fn add(&mut self, goal: Goal, reply: Reply) {
        self.waiting.push((goal, reply));
    }

    /// Settles the outcome for everybody who waits for `goal`.
    pub(super) fn settle(&mut self, goal: Goal, outcome: &Result<(), ApiError>) {
        for (_, reply) in self.waiting.extract_if(.., |(wanted, _)| *wanted == goal) {
            self.settled.push((reply, outcome.clone()));
        }
    }

    /// Settles the outcome for one caller.
    pub(super) fn answer(&mut self, reply: Reply, outcome: Result<(), ApiError>) {
        self.settled.push((reply, outcome));
    }

    /// Tells what was settled. To be called when the state is published.
    pub(super) fn tell(&mut self) {
        for (reply, outcome) in self.settled.drain(..) {
            // A caller who has gone needs no answer.
            drop(reply.send(outcome));
        }
    }

    /// Tells everybody who waits for `goal` that a newer request took its place.
    pub(super) fn supersede(&mut self, goal: Goal, by: &str) {
        let error = ApiError {
            code: Code::Superseded,
            message: format!("a newer request took its place: {by}"),
            hint: None,
        };
        self.settle(goal, &Err(error));
    }
}
