//! What the threads and the stream's task of one share know together.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::{Notify, mpsc, watch};

use super::{
    message::{self, Agreed, Head},
    requests::Requests,
};

/// The number of a stream, from 1 on. A newer one takes over.
type Turn = u64;
const NO_MORE_TURNS: Turn = Turn::MAX;

/// The desk of one share.
pub struct Desk {
    state: Mutex<State>,
    /// Something may be waiting for the stream.
    work: Notify,
    /// For the thread that reads from the kernel: there is room again, or a new deadline.
    wake: OwnedFd,
    /// The stream whose turn it is.
    turn: watch::Sender<Turn>,
    /// To the thread that writes answers to the kernel.
    answers: mpsc::UnboundedSender<Answer>,
}

/// An answer on its way to the kernel.
pub struct Answer {
    /// The message.
    pub bytes: Vec<u8>,
    /// What it holds until it has gone.
    pub _room: Option<tokio::sync::OwnedSemaphorePermit>,
}

struct State {
    requests: Requests,
    /// The kernel's first request, for every new server.
    init: Option<(u64, Vec<u8>)>,
    agreed: Option<Agreed>,
    /// The last server that everything was settled with.
    server: Option<u64>,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing can be asked any more, but the mount is there.
    Failed,
    /// The mount is gone.
    Gone,
}

/// What a stream must settle before it begins.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// The kernel's first request waits for its answer.
    First,
    /// Another server: the kernel's first request once more, then what it uses.
    Other(Agreed),
    /// The same server.
    Same,
}

impl Desk {
    /// An empty desk. `limit`: how long a request may wait for a stream.
    pub fn new(limit: Duration, answers: mpsc::UnboundedSender<Answer>) -> anyhow::Result<Self> {
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .context("failed to make an event descriptor")?;
        let state = State {
            requests: Requests::new(limit, Instant::now()),
            init: None,
            agreed: None,
            server: None,
            end: None,
        };
        Ok(Self {
            state: Mutex::new(state),
            work: Notify::new(),
            wake,
            turn: watch::channel(0).0,
            answers,
        })
    }

    // The kernel's side.

    /// Wakes the thread that reads.
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Whether more should be read from the kernel.
    pub fn has_room(&self) -> bool {
        self.state().requests.has_room()
    }

    /// Takes what the kernel asked.
    pub fn push(&self, bytes: &[u8]) {
        let Some(head) = Head::of(bytes) else {
            tracing::error!(bytes = bytes.len(), "kernel sent no request");
            return;
        };
        let mut state = self.state();
        if head.is_init() && state.init.is_none() {
            state.init = Some((head.unique, bytes.to_vec()));
            if state.end.is_some() {
                self.refuse(vec![head.unique]);
            }
        } else {
            state.requests.push(head, bytes.to_vec(), Instant::now());
            if state.end.is_some() {
                self.refuse(state.requests.give_up_all());
            }
        }
        self.work.notify_one();
    }

    /// Gives up what waited too long. Returns when to look again.
    pub fn give_up(&self) -> Option<Instant> {
        let mut state = self.state();
        let given_up = state.requests.give_up(Instant::now());
        if !given_up.is_empty() {
            tracing::warn!(count = given_up.len(), "requests of a share failed: no host");
            self.refuse(given_up);
        }
        state.requests.deadline()
    }

    /// Notes that the mount is gone.
    pub fn note_gone(&self) {
        self.finish(End::Gone);
    }

    // The stream's side.

    /// Takes over from an older stream, whose unanswered requests fail.
    pub fn take_over(&self) -> anyhow::Result<Turn> {
        let mut state = self.state();
        if state.end.is_some() {
            bail!("the share's mount can be served no more");
        }
        let turn = *self.turn.borrow() + 1;
        self.refuse(state.requests.lose_stream(Instant::now()));
        state.requests.begin_stream();
        self.turn.send_replace(turn);
        Ok(turn)
    }

    /// Resolves when it is another stream's turn, or nobody's any more.
    pub async fn turn_is_over(&self, turn: Turn) {
        // The sender lives in `self`, so waiting does not fail.
        let _ = self.turn.subscribe().wait_for(|now| *now != turn).await;
    }

    /// Notes that the stream ended.
    pub fn lose(&self, turn: Turn) {
        let mut state = self.state();
        if *self.turn.borrow() == turn {
            self.refuse(state.requests.lose_stream(Instant::now()));
            self.wake();
        }
    }

    /// What a stream to this server must settle.
    pub fn start(&self, server: u64) -> Start {
        let state = self.state();
        match state.agreed {
            None => Start::First,
            Some(_) if state.server == Some(server) => Start::Same,
            Some(agreed) => Start::Other(agreed),
        }
    }

    /// The kernel's first request and its unique.
    pub async fn init(&self) -> (u64, Vec<u8>) {
        loop {
            if let Some(init) = self.state().init.clone() {
                return init;
            }
            self.work.notified().await;
        }
    }

    /// Notes what kernel and server agreed on.
    pub fn set_agreed(&self, agreed: Agreed) {
        self.state().agreed = Some(agreed);
    }

    /// Notes that everything is settled with a server.
    pub fn set_server(&self, server: u64) {
        self.state().server = Some(server);
    }

    /// The next message for the stream, when there is one.
    pub async fn next(&self, turn: Turn) -> Vec<u8> {
        loop {
            if let Some(message) = self.try_next(turn) {
                return message;
            }
            self.work.notified().await;
        }
    }

    /// The same without waiting.
    pub fn try_next(&self, turn: Turn) -> Option<Vec<u8>> {
        let mut state = self.state();
        if *self.turn.borrow() != turn {
            return None;
        }
        let had_room = state.requests.has_room();
        let message = state.requests.next()?;
        if !had_room && state.requests.has_room() {
            self.wake();
        }
        Some(message)
    }

    /// Whether somebody waits for this answer, which came on the stream with this turn. Only once.
    pub fn answered(&self, turn: Turn, unique: u64) -> bool {
        let mut state = self.state();
        *self.turn.borrow() == turn && state.requests.answered(unique)
    }

    /// Tells the server that a replay was done.
    pub fn note_replayed(&self, number: u64, errno: i32) {
        let bytes = message::replayed(number, errno);
        self.state().requests.push_ours(bytes, Instant::now());
        self.work.notify_one();
    }

    /// Hands an answer to the kernel.
    pub fn answer(&self, answer: Answer) {
        // Fails only when the mount is gone.
        let _ = self.answers.send(answer);
    }

    // Both.

    /// Notes that no server can serve this mount any more: everything fails with EIO.
    pub fn fail(&self) {
        self.finish(End::Failed);
    }

    /// Whether the mount can be served no more.
    pub fn has_ended(&self) -> bool {
        self.state().end.is_some()
    }

    fn finish(&self, end: End) {
        let mut state = self.state();
        if state.end != Some(End::Gone) {
            state.end = Some(end);
        }
        let mut given_up = state.requests.give_up_all();
        if let Some((unique, _)) = &state.init
            && state.agreed.is_none()
        {
            given_up.push(*unique);
        }
        self.refuse(given_up);
        self.turn.send_replace(NO_MORE_TURNS);
        self.wake();
    }

    fn refuse(&self, uniques: Vec<u64>) {
        for unique in uniques {
            self.answer(Answer {
                bytes: message::failure(unique, libc::EIO),
                _room: None,
            });
        }
    }

    fn wake(&self) {
        // Fails only when it is about to be woken anyway.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each step under the lock leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
