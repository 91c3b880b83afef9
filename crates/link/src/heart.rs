//! A session's heart: when a beat is due, and when silence has lasted too long.
//!
//! ```text
//!   host     beats by the clock, on all lanes of a link in the same moment: every second, at rest every other
//!   guest    answers a beat as it comes; by itself only when none came for longer than that
//!   dead     the host's side: no whole record within 4 s after a beat, which is 5 s of silence in use, 6 s at rest
//!            the guest's side: no whole record for 6 s
//! ```
//! So a guest that hangs is found 4 to 6 s later, and one that only stalls has 4 s to go on.
//!
//! Waking a guest is what a beat costs. This way one wake-up does for all lanes and both directions, and no timer of
//! the guest's ever fires while the host is well.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::Side;
use crate::wire::Wire;

/// How often the host's side lets the guest's hear something, and is answered.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Of these, a lane that carries nothing but beats has every so many-th.
const AT_REST_EVERY: u32 = 2;
/// How long the guest's side waits for a beat to answer before it beats by itself: a host whose carrier is full sends
/// none and must hear something all the same.
const GUEST_BEAT_AFTER: Duration = Duration::from_millis(2500);
/// How long the host's side waits for anything after a beat.
const ANSWER_LIMIT: Duration = Duration::from_secs(4);
/// How long the guest's side waits for anything.
const GUEST_SILENCE_LIMIT: Duration = Duration::from_secs(6);
/// A timer that is later than this says that this process stood still, not that the other side was silent.
const LATE: Duration = Duration::from_secs(2);
/// The timer is moved when it would be early by more than this: once for each beat, not for each record.
const EARLY: Duration = Duration::from_millis(250);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// The other side must hear something.
    Beat,
    /// The other side is dead.
    Silent,
}

pub(crate) struct Heart {
    side: Side,
    /// Beats of the host's side fall on whole multiples of their interval after this.
    zero: Instant,
    suspended: bool,
    beat_at: Instant,
    /// The host's side's first beat since anything was heard.
    unanswered: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Heart {
    /// `zero` is the same for all lanes of a link.
    pub(crate) fn new(side: Side, zero: Instant) -> Self {
        let beat_at = next_beat(side, zero, Instant::now());
        Self {
            side,
            zero,
            suspended: false,
            beat_at,
            unanswered: None,
            timer: Box::pin(sleep_until(beat_at)),
        }
    }

    pub(crate) fn suspend(&mut self, suspended: bool) {
        self.suspended = suspended;
        self.unanswered = None;
        self.beat_at = next_beat(self.side, self.zero, Instant::now());
    }

    /// Says what is due now, or has the task woken when something is. To be called when nothing is left to read and
    /// write: only then is silence silence.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<Pulse> {
        let asked = wire.take_asked();
        let spoke = wire.take_spoke();
        if self.suspended {
            return Poll::Pending;
        }
        if self.side == Side::Guest && (asked || spoke) {
            self.beat_at = next_beat(self.side, self.zero, Instant::now());
            if asked {
                return Poll::Ready(Pulse::Beat);
            }
        }
        loop {
            let dead_at = self.dead_at(wire);
            let due = dead_at.map_or(self.beat_at, |dead_at| self.beat_at.min(dead_at));
            let early = due.saturating_duration_since(self.timer.deadline());
            if early > EARLY || self.timer.is_elapsed() || due < self.timer.deadline() {
                // Not `reset`: the runtime would wake at the earlier time all the same.
                self.timer.set(sleep_until(due));
            }
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if now < due {
                continue;
            }
            if now - due > LATE {
                wire.forgive_silence();
            } else if dead_at.is_some_and(|dead_at| now >= dead_at) {
                return Poll::Ready(Pulse::Silent);
            }
            let wanted = match self.side {
                Side::Host => wire.take_moved() || self.is_for_lanes_at_rest(),
                Side::Guest => true,
            };
            self.beat_at = next_beat(self.side, self.zero, now);
            if wanted {
                self.unanswered.get_or_insert(now);
                return Poll::Ready(Pulse::Beat);
            }
        }
    }

    /// When the other side is dead if nothing more is heard of it.
    fn dead_at(&mut self, wire: &Wire) -> Option<Instant> {
        let heard = wire.heard();
        self.unanswered = self.unanswered.filter(|beat| *beat > heard);
        match self.side {
            Side::Host => self.unanswered.map(|beat| beat + ANSWER_LIMIT),
            Side::Guest => Some(heard + GUEST_SILENCE_LIMIT),
        }
    }

    fn is_for_lanes_at_rest(&self) -> bool {
        let count = (self.beat_at - self.zero).as_nanos() / BEAT_EVERY.as_nanos();
        count.is_multiple_of(AT_REST_EVERY.into())
    }
}

fn next_beat(side: Side, zero: Instant, now: Instant) -> Instant {
    match side {
        Side::Host => {
            let into = now.saturating_duration_since(zero).as_nanos() % BEAT_EVERY.as_nanos();
            now + BEAT_EVERY - Duration::from_nanos(u64::try_from(into).unwrap_or_default())
        }
        Side::Guest => now + GUEST_BEAT_AFTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_beat_of_the_host_is_the_next_multiple_after_zero() {
        let zero = Instant::now();
        for (now_ms, beat_ms) in [(0, 1000), (1, 1000), (999, 1000), (1000, 2000), (7300, 8000)] {
            let now = zero + Duration::from_millis(now_ms);
            assert_eq!(
                next_beat(Side::Host, zero, now),
                zero + Duration::from_millis(beat_ms)
            );
        }
    }

    #[test]
    fn next_beat_of_the_guest_leaves_time_for_the_hosts() {
        let now = Instant::now();
        assert!(next_beat(Side::Guest, now, now) > now + BEAT_EVERY * AT_REST_EVERY);
    }
}
