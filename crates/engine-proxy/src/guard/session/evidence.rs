//! A session's entries in the journal.

use std::time::Duration;

use tokio::time::Instant;

use super::{Effect, Session, leaving::Leaving};
use crate::guard::{Action, Decision, Evidence, Rule, signal::Signal};

impl Session {
    pub(super) fn record(&mut self, rule: Rule, action: Action, evidence: Vec<Evidence>) {
        let decision = self.decision(rule, action, evidence);
        self.effects.push(Effect::Record(decision));
    }

    pub(super) fn decision(&self, rule: Rule, action: Action, evidence: Vec<Evidence>) -> Decision {
        Decision {
            container: self.container.clone(),
            name: self.name.clone(),
            rule,
            action,
            evidence,
            client_pid: self.client.pid(),
        }
    }

    pub(super) fn signals_before(&self, now: Instant) -> Vec<Evidence> {
        let evidence = |(signal, at): &(Signal, Instant)| Evidence::Signal {
            signal: signal.to_string(),
            ago_ms: milliseconds(now - *at),
        };
        self.signals.iter().map(evidence).collect()
    }

    /// What says that the client left, or its terminal was closed.
    pub(super) fn evidence_of(&self, leaving: &Leaving, rule: Rule) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        if rule == Rule::H || leaving.hangup {
            evidence.push(if self.continued() {
                Evidence::HangupThenContinue
            } else {
                Evidence::InputEnded
            });
        }
        if self.closed {
            evidence.push(Evidence::AttachmentClosed);
        }
        if self.exit.is_some() {
            evidence.push(self.client_exited());
        }
        evidence
    }

    pub(super) fn client_exited(&self) -> Evidence {
        Evidence::ClientExited {
            pid: self.client.pid().unwrap_or_default(),
            code: self.exit.flatten(),
        }
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
