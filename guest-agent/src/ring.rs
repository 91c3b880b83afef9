//! Lines of a log, kept in memory up to a number of bytes; the oldest go first.
//!
//! Readers name lines by their number since the start, so that a follower never misses or repeats one, and learns
//! how many it lost when it was too slow.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// A longer line is cut, so that one writer without line ends cannot push out everything else.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// A log in memory. Clones share it.
#[derive(Clone, Debug)]
pub struct LogRing {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    lines: Mutex<Lines>,
    max_bytes: usize,
    next: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Box<str>>,
    bytes: usize,
    first: u64,
}

/// Lines taken from a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The lines, oldest first, without line ends.
    pub lines: Vec<Box<str>>,
    /// How many lines before them are gone.
    pub lost: u64,
    /// The number of the line that comes next.
    pub next: u64,
}

impl LogRing {
    /// An empty ring that keeps at most that many bytes of text.
    pub fn new(max_bytes: usize) -> Self {
        let (next, _) = watch::channel(0);
        Self {
            shared: Arc::new(Shared {
                lines: Mutex::default(),
                max_bytes,
                next,
            }),
        }
    }

    /// Adds one line, cut at [`MAX_LINE_BYTES`].
    pub fn push(&self, line: &str) {
        let line = &line[..line.floor_char_boundary(MAX_LINE_BYTES)];
        let next = {
            let mut lines = self.lines();
            lines.kept.push_back(line.into());
            lines.bytes += line.len();
            while lines.bytes > self.shared.max_bytes && lines.kept.len() > 1 {
                if let Some(gone) = lines.kept.pop_front() {
                    lines.bytes -= gone.len();
                    lines.first += 1;
                }
            }
            lines.first + lines.kept.len() as u64
        };
        self.shared.next.send_replace(next);
    }

    /// The last `count` lines.
    pub fn tail(&self, count: usize) -> Taken {
        let lines = self.lines();
        let skip = lines.kept.len().saturating_sub(count);
        Taken {
            lines: lines.kept.iter().skip(skip).cloned().collect(),
            lost: 0,
            next: lines.first + lines.kept.len() as u64,
        }
    }

    /// All lines from number `from` on.
    pub fn since(&self, from: u64) -> Taken {
        let lines = self.lines();
        let skip = usize::try_from(from.saturating_sub(lines.first)).unwrap_or(usize::MAX);
        Taken {
            lines: lines.kept.iter().skip(skip).cloned().collect(),
            lost: lines.first.saturating_sub(from),
            next: lines.first + lines.kept.len() as u64,
        }
    }

    /// Resolves to a change when lines come. Its value is the number of the line that comes next.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.next.subscribe()
    }

    /// Whether anybody watches.
    pub fn is_watched(&self) -> bool {
        self.shared.next.receiver_count() > 0
    }

    /// Resolves when nobody watches any more.
    pub async fn unwatched(&self) {
        self.shared.next.closed().await;
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // The lock is held for single steps that leave the lines whole even if one of them panics.
        self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(taken: &Taken) -> Vec<&str> {
        taken.lines.iter().map(AsRef::as_ref).collect()
    }

    #[test]
    fn tail_more_than_there_is_gives_all() {
        let ring = LogRing::new(100);
        ring.push("a");
        ring.push("b");
        assert_eq!(text(&ring.tail(10)), ["a", "b"]);
        assert_eq!(text(&ring.tail(1)), ["b"]);
        assert_eq!(text(&ring.tail(0)), [""; 0]);
    }

    #[test]
    fn push_beyond_the_limit_drops_the_oldest() {
        let ring = LogRing::new(10);
        for line in ["aaaa", "bbbb", "cccc"] {
            ring.push(line);
        }
        let taken = ring.since(0);
        assert_eq!(text(&taken), ["bbbb", "cccc"]);
        assert_eq!((taken.lost, taken.next), (1, 3));
    }

    #[test]
    fn push_huge_line_is_cut_at_a_character() {
        let ring = LogRing::new(MAX_LINE_BYTES * 2);
        ring.push(&"é".repeat(MAX_LINE_BYTES));
        assert_eq!(ring.tail(1).lines[0].len(), MAX_LINE_BYTES);
    }

    #[tokio::test]
    async fn watch_push_wakes_the_follower() {
        let ring = LogRing::new(100);
        let mut watch = ring.watch();
        let next = ring.tail(0).next;
        ring.push("new");
        watch.changed().await.unwrap();
        assert_eq!(text(&ring.since(next)), ["new"]);
    }
}
