//! What the kernel asked and nobody answered yet.
//!
//! ```text
//!   kernel ──push──► waiting ──next──► unanswered ──answered──► gone
//!                       │                  │ stream lost
//!                       │ nobody to ask    ▼
//!                       └─for too long──► given up: answered with EIO by us
//! ```

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

use super::message::Head;

/// While this much waits no more is read from the kernel; there it waits as well.
const ROOM_BYTES: usize = 4 << 20;

/// The requests of one share.
#[derive(Debug)]
pub struct Requests {
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// On the stream, by their uniques.
    unanswered: HashSet<u64>,
    /// Since when there is no stream. None while there is one.
    alone_since: Option<Instant>,
    limit: Duration,
}

#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    since: Instant,
    /// None: nobody waits for an answer.
    unique: Option<u64>,
}

impl Requests {
    /// None yet, and no stream. One that nobody can be asked for `limit` is given up.
    pub fn new(limit: Duration, now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            unanswered: HashSet::new(),
            alone_since: Some(now),
            limit,
        }
    }

    /// Whether more should be read from the kernel.
    pub fn has_room(&self) -> bool {
        self.waiting_bytes < ROOM_BYTES
    }

    /// Adds what the kernel asked.
    pub fn push(&mut self, head: Head, bytes: Vec<u8>, now: Instant) {
        self.add(head.has_answer().then_some(head.unique), bytes, now);
    }

    /// Adds a message of our own, when there is a stream. It is no loss otherwise.
    pub fn push_ours(&mut self, bytes: Vec<u8>, now: Instant) {
        if self.alone_since.is_none() {
            self.add(None, bytes, now);
        }
    }

    /// Takes what goes on the stream next.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        let waiting = self.waiting.pop_front()?;
        self.waiting_bytes -= waiting.bytes.len();
        self.unanswered.extend(waiting.unique);
        Some(waiting.bytes)
    }

    /// Notes an answer. False: nobody waits for it.
    pub fn answered(&mut self, unique: u64) -> bool {
        self.unanswered.remove(&unique)
    }

    /// Notes that there is a stream from now on.
    pub fn begin_stream(&mut self) {
        self.alone_since = None;
    }

    /// Notes that the stream is lost. Gives what is to be answered with EIO.
    pub fn lose_stream(&mut self, now: Instant) -> Vec<u64> {
        self.alone_since = Some(now);
        self.unanswered.drain().collect()
    }

    /// When the next is given up, if no stream comes.
    pub fn deadline(&self) -> Option<Instant> {
        let first = self.waiting.front()?;
        Some(first.since.max(self.alone_since?) + self.limit)
    }

    /// Takes what waited for too long. Gives what is to be answered with EIO.
    pub fn give_up(&mut self, now: Instant) -> Vec<u64> {
        let mut given_up = Vec::new();
        while self.deadline().is_some_and(|deadline| deadline <= now) {
            given_up.extend(self.drop_first());
        }
        given_up
    }

    /// Takes all. Gives what is to be answered with EIO.
    pub fn give_up_all(&mut self) -> Vec<u64> {
        let mut given_up: Vec<u64> = self.unanswered.drain().collect();
        while !self.waiting.is_empty() {
            given_up.extend(self.drop_first());
        }
        given_up
    }

    fn drop_first(&mut self) -> Option<u64> {
        let first = self.waiting.pop_front()?;
        self.waiting_bytes -= first.bytes.len();
        first.unique
    }

    fn add(&mut self, unique: Option<u64>, bytes: Vec<u8>, now: Instant) {
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(Waiting {
            bytes,
            since: now,
            unique,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::message::tests::request;

    const LIMIT: Duration = Duration::from_secs(10);

    fn push(requests: &mut Requests, opcode: u32, unique: u64, now: Instant) {
        let bytes = request(opcode, unique);
        requests.push(Head::of(&bytes).unwrap(), bytes, now);
    }

    #[test]
    fn lost_stream_gives_up_what_is_on_it_and_keeps_what_waits() {
        let now = Instant::now();
        let mut requests = Requests::new(LIMIT, now);
        requests.begin_stream();
        for unique in [2, 4, 6] {
            push(&mut requests, 3, unique, now);
        }
        assert_eq!(requests.next(), Some(request(3, 2)));
        assert_eq!(requests.next(), Some(request(3, 4)));
        assert!(requests.answered(2));
        assert!(!requests.answered(2), "answered twice");
        assert!(!requests.answered(6), "answered before it was asked");
        assert_eq!(requests.lose_stream(now), [4]);
        assert!(!requests.answered(4));
        requests.begin_stream();
        assert_eq!(requests.next(), Some(request(3, 6)));
    }

    #[test]
    fn request_without_stream_is_given_up_after_its_own_limit() {
        let start = Instant::now();
        let mut requests = Requests::new(LIMIT, start);
        push(&mut requests, 3, 2, start);
        push(&mut requests, 3, 4, start + LIMIT / 2);
        assert_eq!(requests.deadline(), Some(start + LIMIT));
        assert!(requests.give_up(start + LIMIT / 2).is_empty());
        assert_eq!(requests.give_up(start + LIMIT), [2]);
        assert_eq!(requests.give_up(start + LIMIT * 2), [4]);
        assert_eq!(requests.deadline(), None);
    }

    #[test]
    fn request_of_a_lost_stream_has_the_whole_limit_again() {
        let start = Instant::now();
        let mut requests = Requests::new(LIMIT, start);
        requests.begin_stream();
        push(&mut requests, 3, 2, start);
        assert_eq!(requests.deadline(), None);
        assert!(requests.give_up(start + LIMIT * 9).is_empty());
        assert!(requests.lose_stream(start + LIMIT * 9).is_empty());
        assert_eq!(requests.deadline(), Some(start + LIMIT * 10));
    }

    #[test]
    fn what_has_no_answer_is_never_answered() {
        let now = Instant::now();
        let mut requests = Requests::new(LIMIT, now);
        for opcode in [2, 36, 42] {
            push(&mut requests, opcode, 2, now);
        }
        assert!(requests.next().is_some());
        assert!(requests.lose_stream(now).is_empty());
        assert!(requests.give_up(now + LIMIT).is_empty());
        assert!(requests.next().is_none(), "kept for ever");
    }

    #[test]
    fn room_ends_and_comes_back() {
        let now = Instant::now();
        let mut requests = Requests::new(LIMIT, now);
        let big = vec![0; ROOM_BYTES];
        requests.push(Head::of(&request(3, 2)).unwrap(), big, now);
        assert!(!requests.has_room());
        assert_eq!(requests.give_up_all(), [2]);
        assert!(requests.has_room());
    }
}
