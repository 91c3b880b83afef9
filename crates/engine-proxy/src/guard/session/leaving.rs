//! The client is gone: C1 to C4, O, and what cancels them (S).

use tokio::time::Instant;

use super::{GRACE, Phase, Session, Timer, Why};
use crate::guard::{Action, ClosedBy, Evidence, Rule};

/// The client left, or its terminal was closed.
#[derive(Debug)]
pub(super) struct Leaving {
    /// The terminal was closed; the client may be there still.
    pub(super) hangup: bool,
    /// Others were attached at that moment: the container is theirs now.
    pub(super) others: bool,
    /// The user had just said that it should end.
    pub(super) intent: bool,
}

impl Leaving {
    pub(super) fn hangup(others: bool) -> Self {
        Self {
            hangup: true,
            others,
            intent: false,
        }
    }
}

impl Session {
    /// The last stream of its client ended.
    pub(super) fn stream_ended(&mut self, by: ClosedBy, now: Instant) {
        match by {
            ClosedBy::Client => {
                self.closed = true;
                self.leave(now);
            }
            // Mostly the container ended. A main process may also have closed its output and run on: signals still count.
            ClosedBy::Engine => {
                self.stream_lost = true;
                self.leaving = None;
                self.timers.remove(&Timer::Grace);
                self.timers.insert(Timer::Ended, now + GRACE);
            }
            // Nothing that happens to the client from now on is about the container.
            ClosedBy::Endpoint => self.end(),
        }
    }

    /// The process of its client ended.
    pub(super) fn client_ended(&mut self, now: Instant) {
        if self.phase == Phase::Watching {
            self.leave(now);
        } else if self.attached && !self.started && !self.stream_lost {
            // The start may be under way. A client that only made the container (`docker create --rm`) never attached.
            self.timers.insert(Timer::Grace, now + GRACE);
        }
    }

    /// The client was gone long enough.
    pub(super) fn grace_over(&mut self) {
        let rule = self.leaving_rule();
        if rule != Rule::O || (self.auto_remove && self.allows(Rule::O)) {
            self.look(Why::Decide(rule));
        }
    }

    /// Waits whether it comes back, unless the user had said that it should end.
    pub(super) fn leave(&mut self, now: Instant) {
        let intent = self.has_intent(now);
        if self.phase != Phase::Watching || self.leaving.is_some() || !self.client.is_known() {
            return;
        }
        let others = !self.others.is_empty();
        self.leaving = Some(Leaving {
            hangup: false,
            others,
            intent,
        });
        let by_k2 = intent && !(self.tty && self.allows(Rule::C2));
        if by_k2 && !others {
            self.look(Why::Decide(Rule::K2));
        } else if self.allows(Rule::C1) && !self.stream_lost {
            // A stream that the engine ended says that the container did; only a signal says otherwise.
            self.timers.insert(Timer::Grace, now + GRACE);
        }
    }

    /// The rule when the grace is over.
    fn leaving_rule(&self) -> Rule {
        let code = self.exit.flatten().unwrap_or(0);
        match &self.leaving {
            None => Rule::O,
            Some(leaving) if leaving.hangup => Rule::H,
            Some(_) if !self.tty => Rule::C1,
            Some(leaving) if leaving.intent => Rule::C2,
            Some(_) if code != 0 => Rule::C3,
            Some(_) => Rule::C4,
        }
    }

    /// S: its client attached again.
    pub(super) fn returned(&mut self) {
        self.stream_lost = false;
        self.cancel(Evidence::Reattached);
    }

    /// S: another client attached. When its own has left, the container is the other's from now on.
    pub(super) fn taken_over(&mut self) {
        let left = self.leaving.as_ref().is_some_and(|leaving| !leaving.hangup);
        self.cancel(Evidence::OtherAttachment);
        if left && self.phase == Phase::Watching {
            self.end();
        }
    }

    /// Forgets that its client left. Worth a record only where the container would have been stopped.
    fn cancel(&mut self, because: Evidence) {
        let rule = self.leaving_rule();
        let waiting = self.timers.remove(&Timer::Grace).is_some();
        let Some(leaving) = self.leaving.take() else {
            return;
        };
        if waiting && self.phase == Phase::Watching && rule != Rule::C4 && !leaving.others {
            let mut evidence = self.evidence_of(&leaving, rule);
            evidence.push(because);
            self.record(rule, Action::Cancelled, evidence);
        }
    }
}
