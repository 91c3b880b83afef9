//! What the user said: K, K2, K3, H, T.

use std::time::Duration;

use tokio::time::Instant;

use super::{Phase, Session, Timer, Why, leaving::Leaving};
use crate::guard::{Rule, signal::Signal};

/// How long after a signal a client that goes, or a second INT, belongs to it.
pub(super) const INTENT: Duration = Duration::from_secs(10);
/// How soon after HUP there is CONT when a terminal is closed. The client asks for one after the other, and each takes
/// its way through the link: on an emulated machine longer than the 200 ms that this takes elsewhere.
const HANGUP_CONTINUE: Duration = Duration::from_secs(1);
/// How far HUP and the end of a terminal's input may lie apart when it is closed.
const HANGUP_INPUT: Duration = Duration::from_secs(2);
/// Between two looks at a process that a signal seems to have done nothing to. A program that ends because of it, and
/// has put its handlers away already, is mostly gone by then.
pub(super) const CONFIRM: Duration = Duration::from_millis(250);

impl Session {
    /// The client sent a signal. One that arrives before the start was told of counts when that is.
    pub(super) fn signalled(&mut self, signal: Signal, now: Instant) {
        let second = self.interrupted_within(self.intent_time(), now);
        if self.signals.len() == super::MOST_SIGNALS {
            self.signals.remove(0);
        }
        self.signals.push((signal, now));
        if self.phase != Phase::Watching {
            return;
        }
        match signal {
            Signal::INT if second => self.look(Why::Decide(Rule::K2)),
            _ if signal.is_intent() => self.intent_said(signal, now),
            Signal::HUP | Signal::CONT => self.look_for_hangup(now),
            _ => {}
        }
    }

    /// K and K3: the user said that it should end.
    pub(super) fn intent_said(&mut self, signal: Signal, now: Instant) {
        if signal == Signal::INT && !self.tty {
            self.timers
                .insert(Timer::Interrupt, now + self.settings.interrupt_wait);
        }
        self.look(Why::Sent(signal));
    }

    /// T: the key is data, or a signal that arrives, unless the look says otherwise. One look at a time.
    pub(super) fn key_typed(&mut self) {
        let idle = !self.key_asked && self.doubt.is_none();
        if self.phase == Phase::Watching && self.wants_keys() && idle && !self.open.is_empty() {
            self.key_asked = true;
            self.look(Why::Key);
        }
    }

    /// H: a lone HUP asks a program to read its configuration again. A client whose terminal is closed has it sent too,
    /// and then CONT; on a terminal its input ends.
    pub(super) fn look_for_hangup(&mut self, now: Instant) {
        if self.phase == Phase::Watching && self.leaving.is_none() && self.hangup(now) {
            self.leaving = Some(Leaving::hangup(!self.others.is_empty()));
            self.timers.insert(Timer::Grace, now + super::GRACE);
        }
    }

    fn hangup(&self, now: Instant) -> bool {
        let Some(hup) = self.last(Signal::HUP) else {
            return false;
        };
        self.continued() || (self.tty && self.ended_with(hup, now))
    }

    /// Whether HUP and CONT came together. The client asks for HUP first, but on two connections: either may arrive first.
    pub(super) fn continued(&self) -> bool {
        match (self.last(Signal::HUP), self.last(Signal::CONT)) {
            (Some(hup), Some(cont)) => cont.max(hup) - cont.min(hup) <= HANGUP_CONTINUE,
            _ => false,
        }
    }

    fn ended_with(&self, hup: Instant, now: Instant) -> bool {
        self.input_ended
            .is_some_and(|ended| now - ended.min(hup) <= HANGUP_INPUT)
    }

    fn last(&self, wanted: Signal) -> Option<Instant> {
        let mut newest_first = self.signals.iter().rev();
        newest_first
            .find(|(signal, _)| *signal == wanted)
            .map(|(_, at)| *at)
    }

    /// Whether the user has just said that it should end.
    pub(super) fn has_intent(&self, now: Instant) -> bool {
        let mut signals = self.signals.iter();
        signals.any(|(signal, at)| signal.is_intent() && now - *at <= INTENT)
    }

    fn interrupted_within(&self, time: Duration, now: Instant) -> bool {
        self.last(Signal::INT).is_some_and(|at| now - at <= time)
    }

    /// A container that may take longer over the first Ctrl+C is not stopped later because of the second.
    fn intent_time(&self) -> Duration {
        INTENT.max(self.settings.interrupt_wait)
    }
}
